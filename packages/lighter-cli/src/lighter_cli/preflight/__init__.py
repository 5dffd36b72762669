"""Rehearse every stage of an experiment in seconds, in a temporary folder, before it waits in a queue."""
