"""The config tree: nodes, paths, keys, scalars, references, expressions."""
