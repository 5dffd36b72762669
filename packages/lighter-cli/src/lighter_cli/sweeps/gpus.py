"""Divide the GPUs of this machine among trials."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from lighter_cli.errors import SweepError
from lighter_cli.sweeps.worker import Slot
from lighter_config import Config, Finding

_TIMEOUT_S = 20.0


def slots_of(config: Config, *, workers: int | None, share: int) -> list[Slot]:
    """Return where trials run: on a CPU ``workers`` at once, else each on as many GPUs as ``trainer::devices`` says.

    Args:
        config: The config.
        workers: Trials at once; ``None`` for as many as there are groups of GPUs, and one on a CPU.
        share: Trials on one GPU.

    Raises:
        SweepError: There are too few GPUs.
    """
    refuse_counts(workers, share)
    accelerator = config.expanded().get("trainer::accelerator", "auto")
    gpus = visible_gpus() if accelerator in ("auto", "gpu", "cuda") else []
    if not gpus:
        return [Slot(index) for index in range(workers or 1)]
    size = gpus_of_a_trial(config)
    groups = [",".join(gpus[start : start + size]) for start in range(0, len(gpus) - size + 1, size)]
    slots = [Slot(index, group) for index, group in enumerate(group for group in groups for _ in range(share))]
    wanted = len(slots) if workers is None else workers
    if wanted > len(slots) or not slots:
        fixes = f"--workers {len(slots)}" if slots else f"trainer::devices={len(gpus)}"
        each = f" of {size} GPUs each" if size > 1 else ""
        raise SweepError(
            Finding(
                message=f"{len(gpus)} GPU{'s' * (len(gpus) != 1)} for {max(wanted, 1)} trials at once{each}",
                fix=f"{fixes}, or --share {-(-max(wanted, 1) // max(1, len(groups)))}" if slots else fixes,
            )
        )
    return slots[:wanted]


def refuse_counts(workers: int | None, share: int) -> None:
    """Refuse numbers below 1.

    Raises:
        SweepError: One is.
    """
    if (workers is not None and workers < 1) or share < 1:
        option, value = ("--share", share) if share < 1 else ("--workers", workers)
        raise SweepError(Finding(message=f"{option} must be 1 or more, is {value}"))


def gpus_of_a_trial(config: Config) -> int:
    """Return the number of GPUs that ``trainer::devices`` asks for; 1 if it leaves that open."""
    devices = config.expanded().get("trainer::devices", "auto")
    return devices if isinstance(devices, int) and devices > 0 else len(devices) if isinstance(devices, list) else 1


def visible_gpus() -> list[str]:
    """Return the GPUs that this process may use, as ``CUDA_VISIBLE_DEVICES`` names them; CUDA is not started."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name.strip() for name in visible.split(",") if name.strip() not in ("", "-1")]
    if not any(Path("/dev").glob("nvidia[0-9]*")) or shutil.which("nvidia-smi") is None:
        return []
    try:
        done = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False, timeout=_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired):
        return []
    count = sum(line.startswith("GPU ") for line in done.stdout.splitlines()) if done.returncode == 0 else 0
    return [str(index) for index in range(count)]
