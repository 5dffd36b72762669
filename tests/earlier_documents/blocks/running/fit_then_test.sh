lighter fit config.yaml
lighter test config.yaml args::test::ckpt_path="best.ckpt"
