"""Write a config back as YAML."""
