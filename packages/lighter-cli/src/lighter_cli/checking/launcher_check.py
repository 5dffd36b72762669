"""Compare the number of processes that torchrun or SLURM starts with the number that the trainer expects.

Without this check a trainer fails only after everything is built, waits for ranks that nobody starts, or trains once in
every process.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lighter_config import CheckContext, Finding, is_computed, is_copy

_INTERACTIVE = ("bash", "interactive")  # names of jobs in which Lightning starts the processes itself
_TRAINERS = ("pytorch_lightning.Trainer", "lightning.Trainer", "lightning.pytorch.Trainer")


@dataclass(frozen=True, slots=True)
class _Count:
    """A count, the environment variable that holds it, and the option of the launcher that sets it."""

    number: int
    variable: str
    option: str

    def __str__(self) -> str:
        return f"{self.variable}={self.number}, from {self.option}"


@dataclass(frozen=True, slots=True)
class Launcher:
    """The program that started this process and the other ranks.

    Attributes:
        name: ``torchrun`` or ``SLURM``.
        environment: The name of Lightning's class for it.
        per_node: The number of processes on each machine; ``None`` if the variables do not tell.
        num_nodes: The number of machines; ``None`` if the variables do not tell.
    """

    name: str
    environment: str
    per_node: _Count | None
    num_nodes: _Count | None


def find_launcher(variables: Mapping[str, str]) -> Launcher | None:
    """Return the launcher that Lightning would find; torchrun inside SLURM is torchrun.

    Args:
        variables: The environment variables.

    >>> find_launcher({"SLURM_NTASKS": "8", "SLURM_NTASKS_PER_NODE": "4", "SLURM_NNODES": "2"}).num_nodes.number
    2
    """
    if "TORCHELASTIC_RUN_ID" in variables:
        return Launcher(
            "torchrun",
            "TorchElasticEnvironment",
            _count(variables, "LOCAL_WORLD_SIZE", "--nproc-per-node"),
            _count(variables, "GROUP_WORLD_SIZE", "--nnodes"),
        )
    if "SLURM_NTASKS" in variables and variables.get("SLURM_JOB_NAME") not in _INTERACTIVE:
        return Launcher(
            "SLURM",
            "SLURMEnvironment",
            _count(variables, "SLURM_NTASKS_PER_NODE", "--ntasks-per-node") or _one_task(variables),
            _count(variables, "SLURM_NNODES", "--nodes"),
        )
    return None


class LauncherCheck:
    """Compare ``devices`` and ``num_nodes`` of the trainer with what the launcher starts.

    Args:
        variables: The environment variables.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def __call__(self, context: CheckContext) -> Iterator[Finding]:
        """Report numbers that differ; numbers that are known only when they are built pass."""
        launcher = find_launcher(self._variables)
        trainer = context.value(("trainer",))
        if launcher is None or context.is_fragment or not isinstance(trainer, dict):
            return
        if _names_other_environment(trainer, launcher):
            return
        num_tasks = self._variables.get("SLURM_NTASKS", "")
        if launcher.name == "SLURM" and launcher.per_node is None and _number(num_tasks) is not None:
            yield context.finding(
                ("trainer",),
                f"SLURM_NTASKS={num_tasks} does not tell the number of processes on each machine",
                at_key=True,
                fix="write #SBATCH --ntasks-per-node=N instead of --ntasks",
            )
        for name, count, number in (
            ("devices", launcher.per_node, _num_devices(trainer)),
            ("num_nodes", launcher.num_nodes, _number(trainer.get("num_nodes", _default(trainer, 1)))),
        ):
            if count is not None and number is not None and count.number != number:
                yield _mismatch(context, launcher, name, number, count)


def _mismatch(context: CheckContext, launcher: Launcher, name: str, number: int, count: _Count) -> Finding:
    is_written = context.has(("trainer", name))
    started = f"{count.number} process{'es' * (count.number != 1)} on each machine"
    if name == "num_nodes":
        started = f"processes on {count.number} machine{'s' * (count.number != 1)}"
    return context.finding(
        ("trainer", name) if is_written else ("trainer",),
        f"trainer::{name} is {number}{'' if is_written else ' by default'}, but {launcher.name} starts {started}",
        at_key=not is_written,
        expected=(str(count),),
        fix=f"set trainer::{name}={count.number}, or start with {count.option}={number}",
    )


def _num_devices(trainer: Mapping[Any, Any]) -> int | None:
    """Return the number of processes on each machine that ``devices`` asks for; ``None`` if not written."""
    devices = trainer.get("devices", _default(trainer, "auto"))
    if devices == "auto":
        return 1 if trainer.get("accelerator") == "cpu" else None
    if isinstance(devices, list):
        return len(devices)
    if isinstance(devices, str) and "," in devices:
        return len([device for device in devices.split(",") if device.strip()])
    return _number(devices)


def _default(trainer: Mapping[Any, Any], value: Any) -> Any:
    """Return the default of Lightning's own trainer; ``None`` for a subclass, whose defaults are not known."""
    return value if trainer.get("_target_") in _TRAINERS else None


def _number(value: Any) -> int | None:
    """Return a written number of processes; ``None`` for ``-1``, all devices, and for what is not a number."""
    if isinstance(value, str) and (is_computed(value) or is_copy(value) or not value.strip().isdecimal()):
        return None
    return int(value) if isinstance(value, int | str) and not isinstance(value, bool) and int(value) >= 0 else None


def _count(variables: Mapping[str, str], variable: str, option: str) -> _Count | None:
    number = _number(variables.get(variable, ""))
    return None if number is None else _Count(number, variable, option)


def _one_task(variables: Mapping[str, str]) -> _Count | None:
    """Return the count of a single task; with several, Lightning requires ``--ntasks-per-node``."""
    return _Count(1, "SLURM_NTASKS", "--ntasks") if variables["SLURM_NTASKS"] == "1" else None


def _names_other_environment(trainer: Mapping[Any, Any], launcher: Launcher) -> bool:
    """Return whether a plugin of the trainer names another environment than the launcher's."""
    plugins = trainer.get("plugins") or []
    listed = plugins if isinstance(plugins, list) else [plugins]
    names = [str(plugin.get("_target_", "")).rpartition(".")[2] for plugin in listed if isinstance(plugin, dict)]
    return any(name.endswith("Environment") and name != launcher.environment for name in names)
