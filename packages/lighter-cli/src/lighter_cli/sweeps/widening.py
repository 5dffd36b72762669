"""Continue a sweep in another space: its trials stay, as far as they fit."""

from __future__ import annotations

import json
import logging

from lighter_cli.atomic_files import write_atomically
from lighter_cli.errors import SweepError
from lighter_cli.runs.frozen import config_text, keep_config
from lighter_cli.sweeps.freezing import changes_since, space_facts
from lighter_cli.sweeps.layout import OWNER, SWEEP_FILE
from lighter_cli.sweeps.queue import Queue
from lighter_cli.sweeps.sweep import Sweep
from lighter_config import RECORDED_CONFIG, Finding
from lighter_config.space import with_files_inside

_logger = logging.getLogger(__name__)


def widen(sweep: Sweep) -> None:
    """Take the trials of a sweep over into the space that the command gives, if it is another one.

    Raises:
        SweepError: The objectives or the config are others, or trials run.
    """
    before = json.loads(json.dumps(sweep.facts["space"]))
    now = json.loads(json.dumps(space_facts(sweep.space), default=str))
    if sweep.is_new or before == now:
        _refuse_other_config(sweep)
        return
    if before["objectives"] != now["objectives"] or before["repeats"] != now["repeats"]:
        what = "objectives" if before["objectives"] != now["objectives"] else "repeats"
        message = f"the sweep {sweep.name} began with other {what}"
        expected = (", ".join(map(str, (one[0] for one in before[what]))) or f"no {what}",)
        raise SweepError(Finding(message=message, expected=expected, fix="begin another with --name NEW"))
    _refuse_other_config(sweep)
    queue = Queue(sweep)
    if queue.running():
        message = f"the space of {sweep.name} is another one, and trials of it run"
        raise SweepError(Finding(message=message, fix=f"lighter sweeps stop {sweep.name}, then the same command again"))
    num_outside = queue.widen()
    keep_config(sweep.folder, with_files_inside(sweep.space), OWNER)
    sweep.facts = {**sweep.facts, "space": space_facts(sweep.space)}
    write_atomically(sweep.folder / SWEEP_FILE, json.dumps(sweep.facts, indent=1, default=str))
    left = f"; {num_outside} trials lie outside it: samplers no longer see them" if num_outside else ""
    _logger.info("the sweep %s continues in another space%s", sweep.name, left)


def _refuse_other_config(sweep: Sweep) -> None:
    """Refuse overrides of a config that a sweep has frozen."""
    kept = (sweep.folder / RECORDED_CONFIG).read_text(encoding="utf-8")
    if not sweep.is_new and (changes := changes_since(kept, config_text(with_files_inside(sweep.space), OWNER))):
        message = f"the sweep {sweep.name} began with another config"
        raise SweepError(Finding(message=message, expected=tuple(changes[:3]), fix="begin another with --name NEW"))
