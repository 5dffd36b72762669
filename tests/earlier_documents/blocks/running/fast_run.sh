lighter fit config.yaml trainer::fast_dev_run=2
