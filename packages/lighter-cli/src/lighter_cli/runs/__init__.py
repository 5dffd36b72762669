"""Write and read the records of runs."""
