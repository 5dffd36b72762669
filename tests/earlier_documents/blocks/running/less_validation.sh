lighter fit config.yaml trainer::check_val_every_n_epoch=5
lighter fit config.yaml trainer::limit_val_batches=0.25
