"""Describe targets for people."""
