lighter fit config.yaml
lighter validate config.yaml
lighter test config.yaml
lighter predict config.yaml
