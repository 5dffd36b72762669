"""The command line of Lighter."""
