"""Set up the process (`process`), print (`output`, `findings_log`), report usage errors, and read standard input."""
