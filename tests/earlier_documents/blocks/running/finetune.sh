lighter fit base_config.yaml,finetune_config.yaml
