"""Run commands as SLURM jobs: what a job asks for, what its tasks do, and what the queue says about it."""
