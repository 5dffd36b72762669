lighter fit config.yaml trainer::devices=2 trainer::strategy=ddp
