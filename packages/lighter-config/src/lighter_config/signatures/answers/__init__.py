"""Answers: what a target takes when it is called, and whether a value fits."""
