"""The config tree: `node` has its values, `paths` and `references` their syntax, `walking` the ways through it."""
