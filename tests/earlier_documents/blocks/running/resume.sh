lighter fit config.yaml
lighter fit config.yaml trainer::max_epochs=4 args::fit::ckpt_path="last.ckpt"
