"""Freeze parameters: `freezer` is the callback, `parameter_selection` finds what it freezes by name."""
