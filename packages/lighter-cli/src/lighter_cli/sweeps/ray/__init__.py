"""Sweeps on a Ray cluster: an actor with a worker for each slot. Only this folder imports Ray."""
