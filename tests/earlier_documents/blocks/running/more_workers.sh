lighter fit config.yaml system::dataloaders::train::num_workers=8
