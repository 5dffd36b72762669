"""Build objects from a config."""
