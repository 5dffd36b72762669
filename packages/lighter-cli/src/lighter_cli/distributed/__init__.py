"""Run in several processes: failing ranks, SLURM jobs that are requeued."""
