"""Merge sources into one tree."""
