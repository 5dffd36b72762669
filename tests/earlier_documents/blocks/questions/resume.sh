lighter fit config.yaml args::fit::ckpt_path="checkpoint.ckpt"
