"""Sweeps: many runs of one config, searched by Optuna. Start at `worker`; only this folder imports Optuna."""
