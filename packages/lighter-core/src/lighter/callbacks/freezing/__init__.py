"""Freeze parameters: `freezer` is the callback."""
