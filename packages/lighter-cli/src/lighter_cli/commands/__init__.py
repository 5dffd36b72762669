"""The commands, one file each (`fit` and its like: `stages`); nothing heavy is imported before a command runs."""
