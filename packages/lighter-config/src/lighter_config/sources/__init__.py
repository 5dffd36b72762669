"""Read the inputs of a config: words, files, mappings, checkpoints, records."""
