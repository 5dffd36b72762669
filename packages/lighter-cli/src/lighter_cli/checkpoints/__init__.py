"""Checkpoint files: find them `on_disk` or as `saved_by_callbacks`, and write them (`atomic_io`)."""
