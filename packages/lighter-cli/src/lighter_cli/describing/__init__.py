"""What `lighter describe` prints: documentation from source (`docstrings`), import paths of `short_names`."""
