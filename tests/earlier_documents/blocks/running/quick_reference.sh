lighter fit config.yaml
lighter fit config.yaml args::fit::ckpt_path="last.ckpt"
lighter validate config.yaml args::validate::ckpt_path="best.ckpt"
lighter test config.yaml args::test::ckpt_path="best.ckpt"
lighter predict config.yaml args::predict::ckpt_path="best.ckpt"
lighter fit config.yaml trainer::fast_dev_run=true
lighter fit config.yaml trainer::devices=1
lighter fit config.yaml trainer::precision="16-mixed"
