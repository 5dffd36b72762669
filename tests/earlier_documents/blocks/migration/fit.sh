lighter fit config.yaml
