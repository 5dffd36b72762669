"""Run a stage of an experiment."""
