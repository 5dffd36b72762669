"""Freeze parameters."""
