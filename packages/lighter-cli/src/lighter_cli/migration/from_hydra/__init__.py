"""Rewrite configs."""

RULES = ()
