"""Run in several processes.

`rank_failures` ends ranks together, `slurm_requeue` and `slurm_restart` are for jobs, `launcher_variables` knows what
launchers put into the environment.
"""
