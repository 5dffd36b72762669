"""Merge sources into one tree: `merger` combines, `changes` are its input, `conflicts` and `deleting` its rules."""
