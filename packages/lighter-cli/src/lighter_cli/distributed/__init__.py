"""Run in several processes: ranks that fail together, SLURM jobs that are requeued."""
