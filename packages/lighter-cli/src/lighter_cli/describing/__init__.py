"""What `lighter describe` prints beside signatures: documentation from source, in `docstrings`."""
