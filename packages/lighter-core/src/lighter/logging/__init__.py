"""Log each value per step and per epoch: `module_logging` is the way in, `epoch_log` holds an epoch's values."""
