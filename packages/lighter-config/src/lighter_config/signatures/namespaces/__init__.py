"""Which names a module or class binds, and to what: `statements` runs through them, `namespace` holds the result."""
