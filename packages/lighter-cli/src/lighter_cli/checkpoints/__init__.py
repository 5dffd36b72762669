"""Find, inspect and write checkpoint files."""
