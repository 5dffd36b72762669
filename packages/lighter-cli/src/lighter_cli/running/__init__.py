"""Run a stage: `runner` has the steps in order, `build` the objects, `loaded_experiment` the same for notebooks."""
