lighter fit config.yaml system::dataloaders::train::batch_size=8
lighter fit config.yaml trainer::accumulate_grad_batches=4
lighter fit config.yaml trainer::precision="16-mixed"
