lighter fit config.yaml trainer::log_every_n_steps=1
lighter fit config.yaml trainer::profiler="simple"
