"""Check experiments before anything is built."""
