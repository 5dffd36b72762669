lighter fit config.yaml vars::image_size=128 trainer::max_epochs=10
lighter fit config.yaml vars::image_size=256 args::fit::ckpt_path="last.ckpt" trainer::max_epochs=11
lighter fit config.yaml vars::image_size=512 args::fit::ckpt_path="last.ckpt" trainer::max_epochs=12
