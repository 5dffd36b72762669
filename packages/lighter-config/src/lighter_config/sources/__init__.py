"""Read the inputs of a config: `words` decides what each is, and one file reads each kind (such as `yaml_reader`)."""
