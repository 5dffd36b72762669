"""The records of runs: `request` and `recorder` write one, `record` reads them, `inputs` makes runs inputs."""
