lighter fit config.yaml trainer::precision="16-mixed"
lighter fit config.yaml trainer::profiler="simple"
