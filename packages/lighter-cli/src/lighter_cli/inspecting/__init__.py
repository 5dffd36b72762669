"""The commands that only look at a config: check, show, explain and diff. `words` reads their command lines."""
