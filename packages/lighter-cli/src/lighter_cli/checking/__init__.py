"""Check experiments: every mistake at once, without building anything."""
