PL_GLOBAL_SEED=42 lighter fit config.yaml
LIGHTER_DEBUG=1 lighter fit config.yaml
