"""Follow a described batch through an experiment without its values, in a process of its own (`check --shapes`)."""
