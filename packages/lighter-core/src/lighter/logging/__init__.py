"""Log each value per step and per epoch."""
