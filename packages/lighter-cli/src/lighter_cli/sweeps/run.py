"""Run a sweep: the one road from the words of ``lighter sweep`` to its last trial."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lighter_cli.checking.seeds import find_seed
from lighter_cli.errors import SweepError
from lighter_cli.sweeps.gpus import slots_of
from lighter_cli.sweeps.layout import SWEEP_FILE, read_json
from lighter_cli.sweeps.preloading import modules_of
from lighter_cli.sweeps.process import Starter
from lighter_cli.sweeps.sweep import Plan, Sweep, open_sweep
from lighter_cli.sweeps.table import LiveTable, Progress, final_lines
from lighter_cli.sweeps.widening import widen
from lighter_cli.sweeps.worker import Worker
from lighter_cli.terminal import output
from lighter_config import Finding, RunSource, Source, load, parse_sources
from lighter_config.regular_files import exists
from lighter_config.space import SpaceOptions, read_space

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepOptions:
    """How a sweep runs; what it searches is in ``SpaceOptions``.

    Attributes:
        workers: Trials at once; ``None`` for one on a CPU, or one for each group of ``trainer::devices`` GPUs.
        share: Trials on one GPU.
        name: The name of the sweep; ``None`` for one that the words give.
        retry: Whether the trials that failed run again.
        is_cold: Whether no trial is forked.
        is_json: Whether events are printed as JSON.
    """

    workers: int | None = None
    share: int = 1
    name: str | None = None
    retry: bool = False
    is_cold: bool = False
    is_json: bool = False


def run_sweep(plan: Plan, options: SweepOptions) -> int:
    """Begin or continue a sweep, and work on it until nothing is left to do.

    Returns:
        The exit code: 0 when it is done or was stopped, 130 after Ctrl-C.

    Raises:
        SweepError: It cannot run here, or every trial fails.
        ConfigError: Its config cannot be used.
    """
    slots = slots_of(plan.config, workers=options.workers, share=options.share)
    # a quarter of the time until the first trial runs: it imports while the folder is made
    starter = Starter(modules_of(plan.config), environment=_environment(len(slots)), is_cold=options.is_cold)
    starter.warm_up()
    try:
        sweep = open_sweep(plan)
        widen(sweep)
        progress = LiveTable() if output.is_terminal() and not options.is_json else Progress(is_json=options.is_json)
        worker = Worker(sweep, slots, starter, progress)
        if options.retry and (num_again := worker.queue.retry()):
            progress.say(f"{num_again} failed trial{'s' * (num_again != 1)} run again")
        end = worker.work()
    finally:
        starter.close()
    if not options.is_json:
        output.write_lines([[""], *final_lines(sweep, is_everything=not output.is_terminal())])
        output.write_lines(_closing(sweep, end))
    return 130 if end == "interrupted" else 0


def plan_of(words: Sequence[str], space_options: SpaceOptions, name: str | None = None) -> Plan:
    """Read what a sweep is from the words of the command.

    A word may be the folder of a sweep: its config and its options, which those of the command replace.

    Raises:
        ConfigError: The words or the space cannot be used.
    """
    folder = next((Path(word) for word in words if exists(Path(word) / SWEEP_FILE)), None)
    if folder is None:
        config = load(parse_sources(words, sweeping=True))
    else:
        rest = [word for word in words if Path(word) != folder]
        sources: list[Source] = [RunSource(folder, str(folder)), *parse_sources(rest, sweeping=True)]
        config = load(sources)
        stored = (read_json(folder / SWEEP_FILE) or {}).get("options", {})
        space_options = _merged(stored, space_options)
    space = read_space(config, space_options)
    return Plan(
        config=config,
        space=space,
        options=asdict(space_options),
        seed=find_seed(config),
        name=name,
        folder=None if folder is None else folder.absolute(),
    )


def _merged(stored: Mapping[str, Any], given: SpaceOptions) -> SpaceOptions:
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in stored.items()}
    now = {name: value for name, value in asdict(given).items() if value not in (None, ())}
    if {"maximize", "minimize"} & now.keys():
        values = {name: value for name, value in values.items() if name not in ("maximize", "minimize")}
    return SpaceOptions(**{**values, **now})


def _environment(num_slots: int) -> dict[str, str]:
    """Return what the environment of trials has: the cores are shared, unless the user says how."""
    if "OMP_NUM_THREADS" in os.environ:
        return {}
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {"OMP_NUM_THREADS": str(max(1, cores // num_slots))}


def _closing(sweep: Sweep, end: str) -> list[output.Line]:
    folder = os.path.relpath(sweep.folder)
    rows: list[output.Line] = [[("sweep", output.HEADING), folder]]
    if end != "done" or sweep.trials.open:
        rows.append([("to continue", output.HEADING), f"lighter sweep {folder}"])
    elif sweep.space.objectives and (sweep.folder / "best").is_symlink():
        rows.append([("to test", output.HEADING), f"lighter test {folder}/best"])
    if any(result.shown_state == "failed" for result in sweep.trials.results.values()):
        rows.append([("to repeat what failed", output.HEADING), f"lighter sweep {folder} --retry failed"])
    return output.rows(rows, indent=0)


def refuse_missing_optuna() -> None:
    """Refuse to run without Optuna.

    Raises:
        SweepError: It is not installed.
    """
    from importlib.util import find_spec

    if find_spec("optuna") is None:
        raise SweepError(
            Finding(message="sweeps need Optuna, which is missing", fix="pip install 'lighter-cli[sweep]'")
        )
