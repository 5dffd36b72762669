"""What the process and the terminal are to a command."""
