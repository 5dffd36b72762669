"""The facts of a record as text, as ``lighter runs show`` and reports have them."""

import os
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from lighter_cli.code import PATCH_FILE
from lighter_cli.runs.epochs import EPOCHS_FILE, read_epochs
from lighter_cli.runs.record import Record
from lighter_cli.runs.record_fields import TIMES
from lighter_cli.runs.trial import name_of_trial
from lighter_cli.terminal.shown import duration_text, shown_path
from lighter_config import RECORDED_CONFIG

_MIN_SHARE = 0.005


def facts_of(record: Record) -> list[tuple[str, str]]:
    """Return name and text of each fact of a run; what is not recorded is left out."""
    content = record.content
    facts = [
        ("name", content.get("name", "")),
        ("tags", ", ".join(content.get("tags", ()))),
        ("note", content.get("note", "")),
        ("trial", name_of_trial(content)),
        ("stage", content["stage"]),
        ("status", record.status),
        ("error", content["error"] or ""),
        ("ended by", content.get("ended_by") or _interruption(content.get("ended"))),
        ("resumed", _resumed(content.get("resumed"))),
        ("nan loss", "; ".join(f"{mode}, {where}" for mode, where in content.get("nan_losses", {}).items())),
        ("words", shlex.join(content["words"])),
        ("start", local(content["start"])),
        ("took", duration(content["start"], content["end"])),
        ("epochs", _epochs(record)),
        ("time", _shares(content.get("time_spent"))),
        ("peak memory", _peak(content.get("peak_memory"))),
        ("seed", str(content["seed"])),
        ("git", _git(content["git"])),
        ("code", _code(record)),
        ("host", f"{content['process']['host']}, process {content['process']['pid']}"),
        ("job", _job(content["process"])),
        ("devices", _devices(content["devices"])),
        ("project", content["project"] or ""),
        ("folder", shown_path(record.folder)),
        ("to run again", again(record)),
    ]
    return [fact for fact in facts if fact[1]]


def sections_of(record: Record) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield the title of each further part of a record with names and texts; parts without any are left out."""
    content = record.content
    at_best = content.get("at_best")
    if at_best and at_best["metrics"] == content["metrics"]:
        at_best = None  # the last epoch is the best
    sections = {
        "options": {name: value for name, value in content["options"].items() if value is not None},
        "restored by the checkpoint": {
            value["path"] or f"{value['owner']} {value['name']}": f"{value['restored']}, not {value['configured']}"
            + (f" of {value['place']}" if value["place"] else "")
            for value in content.get("restored_values", ())
        },
        "found": content.get("found", {}),
        "parameter groups": {group["name"]: _group(group) for group in content.get("parameter_groups", ())},
        "metrics": content["metrics"],
        **({f"metrics at the best checkpoint, step {at_best['step']}": at_best["metrics"]} if at_best else {}),
        "loggers": {logger["class"].rpartition(".")[2]: _logger_place(logger) for logger in content.get("loggers", ())},
        "checkpoints": {name: value for name, value in content.get("checkpoints", {}).items() if value is not None},
        "versions": content["versions"],
    }
    for title, values in sections.items():
        if values:
            yield title, [(name, _text(value)) for name, value in values.items()]


def local(moment: str) -> str:
    """Return a time of a record in the time zone of this machine."""
    return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M:%S}"


def duration(start: str, end: str | None) -> str:
    """Return how long a run took; an empty text when it has no end."""
    if end is None:
        return ""
    return duration_text((datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds())


def again(record: Record) -> str:
    """Return the command that repeats a run; for fit it names the config, because the folder would resume."""
    folder = record.folder / RECORDED_CONFIG if record.content["stage"] == "fit" else record.folder
    return f"lighter {record.content['stage']} {shlex.quote(shown_path(folder))}"


def _interruption(ended: Mapping[str, Any] | None) -> str:
    return str(ended.get("signal", ended["by"])) if ended else ""


def _resumed(resumed: Mapping[str, Any] | None) -> str:
    return f"run {resumed['run']} at step {resumed['step']}" if resumed else ""


def _epochs(record: Record) -> str:
    """Return how many epochs the curve of a run has, and which of them an earlier run trained."""
    epochs = read_epochs(record.folder)
    if not epochs:
        return ""
    earlier = Counter(epoch.run for epoch in epochs if epoch.run is not None)
    parts = [f"{len(epochs)} in {shown_path(record.folder / EPOCHS_FILE)}"]
    return ", ".join(parts + [f"{count} of them of run {run}" for run, count in earlier.items()])


def _shares(spent: Mapping[str, Any] | None) -> str:
    """Return the parts of the time that a fit took, largest first; those under half a percent are left out."""
    if not spent or not spent.get("total_s", 0) > 0:
        return ""
    return ", ".join(f"{name} {share:.0%}" for name, share in shares_of(spent) if share >= _MIN_SHARE)


def shares_of(spent: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Return the parts of the time that a fit took, with the share of each, from 0 to 1, largest first."""
    seconds = {name.removesuffix("_s").replace("_", " "): spent.get(name, 0.0) for name in TIMES if name != "total_s"}
    shares = [(name, value / spent["total_s"]) for name, value in seconds.items()]
    return sorted(shares, key=lambda share: share[1], reverse=True)


def _peak(peak: Mapping[str, Any] | None) -> str:
    names = {"cuda_allocated_mib": "MiB on the GPU", "resident_mib": "MiB of the process"}
    return ", ".join(f"{peak[key]:,.0f} {name}" for key, name in names.items() if key in peak) if peak else ""


def _logger_place(logger: Mapping[str, str]) -> str:
    parts = [logger[key] for key in ("name", "version") if key in logger]
    parts += [shown_path(Path(logger["folder"]))] if "folder" in logger else []
    parts += [logger["url"]] if "url" in logger else []
    return ", ".join(parts)


def _group(group: Mapping[str, Any]) -> str:
    """Return what a parameter group trains, as one line."""
    tensors, parameters = group["num_tensors"], group["num_parameters"]
    parts = [f"{tensors} tensor{'s' * (tensors != 1)}", f"{parameters:,} parameter{'s' * (parameters != 1)}"]
    parts += [f"{key} {_text(group[key])}" for key in ("lr", "weight_decay") if group[key] is not None]
    return ", ".join(parts + [f"{group['num_frozen']} frozen"] * bool(group["num_frozen"]))


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    if isinstance(value, float):
        return f"{value:.6g}"
    return shown_path(Path(value)) if isinstance(value, str) and os.sep in value else str(value)


def _git(state: Mapping[str, Any] | None) -> str:
    if state is None:
        return ""
    return f"{state['commit'][:12]}{', with uncommitted changes' if state['dirty'] else ''}"


def _code(record: Record) -> str:
    from lighter_cli.code.stored import stored_code

    code = stored_code(record.folder)
    if code is None:
        return ""
    parts = [f"{len(code.files) + len(code.outside)} files hashed"]
    if code.patch is not None:
        parts.append(f"{code.patch_size() / 1024:.1f} KiB in {PATCH_FILE}")
        parts += ["too large to be complete"] * (not code.patch["is_complete"])
        parts += ["secrets masked"] * code.is_masked
    return ", ".join(parts)


def _job(process: Mapping[str, Any]) -> str:
    """Return the SLURM job of a run, and the file with what the job printed."""
    parts = [process.get("slurm_job"), shown_path(Path(process["slurm_log"])) if "slurm_log" in process else None]
    return ", ".join(filter(None, parts))


def _devices(devices: Mapping[str, Any]) -> str:
    names = ", ".join(dict.fromkeys(devices["names"]))
    driver = f", driver {devices['gpu_driver']}" if devices.get("gpu_driver") else ""
    return f"{devices['num_nodes'] * devices['num_devices']} x {names} ({devices['strategy']}{driver})"
