"""Write a config back: `plain_tree` gives plain values, `yaml_writer` the text of YAML."""
