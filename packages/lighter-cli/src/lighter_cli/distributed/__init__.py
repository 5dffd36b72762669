"""Run in several processes: `rank_failures` ends ranks together, `slurm_requeue` and `slurm_restart` are for jobs."""
