lighter fit config.yaml trainer::gradient_clip_val=1.0
