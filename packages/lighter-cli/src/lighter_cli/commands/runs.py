"""``lighter runs``: list, show and compare the records of earlier runs."""

import gc
import logging
import os
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, cast

from cyclopts import App, Parameter

from lighter_cli.code import PATCH_FILE
from lighter_cli.commands._inputs import Json
from lighter_cli.commands.diff import difference_lines, json_of
from lighter_cli.runs.epochs import EPOCHS_FILE, read_epochs
from lighter_cli.runs.index import name_of
from lighter_cli.runs.listing import ListedRun, listed_runs, recorded_folders
from lighter_cli.runs.record import Record, read_record, read_records
from lighter_cli.runs.record_fields import TIMES
from lighter_cli.terminal import output
from lighter_cli.terminal.output import ADDED, HEADING, PATH, PLACE, REMOVED, Line
from lighter_config import (
    RECORD_FILE,
    RECORDED_CONFIG,
    Difference,
    Finding,
    Kind,
    Place,
    SourceError,
    load,
    nearest_names,
)
from lighter_config import diff as differences_between
from lighter_config.regular_files import is_regular
from lighter_config.sources.recorded_places import Places, recorded_places

if TYPE_CHECKING:
    from lighter_cli.code.comparison import FileDifference
    from lighter_cli.code.stored import StoredCode

    _Codes: TypeAlias = tuple[StoredCode | None, StoredCode | None]

_logger = logging.getLogger(__name__)

runs = App(name="runs", help="The records of earlier runs.", help_format="plaintext")

_STATUS_STYLES = {"finished": ADDED, "failed": REMOVED, "lost": REMOVED, "interrupted": "yellow", "running": "cyan"}
_COMPARED = ("stage", "status", "words", "options", "seed", "project", "git", "versions", "devices", "metrics")

_NUM_ON_TERMINAL = 50
_MIN_SHARE = 0.005

ShowAll = Annotated[
    bool,
    Parameter(
        name="--all", negative=(), show_default=False, help="Show all runs on a terminal, not only the newest 50."
    ),
]
ShowCode = Annotated[
    bool, Parameter(name="--code", negative=(), show_default=False, help="Print how the code differs, too.")
]
Run = Annotated[str, Parameter(help="The id of a run or a part of it, its folder, or 'last'.")]


@contextmanager
def _without_collection() -> Iterator[None]:
    """Pause garbage collection: it would visit all that is read and printed several times, and find nothing."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@runs.command(name="list")
@_without_collection()
def list_runs(*, show_all: ShowAll = False, as_json: Json = False) -> None:
    """List the runs that were started in this folder, newest last."""
    gone: list[str] = []
    if as_json:
        output.write_json([_as_json(record) for record in read_records(Path.cwd(), gone)])
        _say_gone(gone)
        return
    most = _NUM_ON_TERMINAL if output.is_terminal() and not show_all else None
    folders = None if most is None else recorded_folders(Path.cwd(), gone)  # to count them
    listed = list(islice(listed_runs(Path.cwd(), folders, gone), most))[::-1]
    _say_gone(gone)
    if not listed:
        output.write_lines([] if gone else [["no run was started in this folder"]])
        return
    if most is not None and folders is not None and len(folders) > most:
        shown = f"the newest {len(listed)} of {len(folders):,} runs; `lighter runs list --all` shows all"
        output.write_lines([[(shown, output.PLACE)]])
    output.write_lines(output.rows([_row(run) for run in listed], indent=0))


def _say_gone(folders: Sequence[str]) -> None:
    """Say once how many runs cannot be listed because their folders are gone; the output has only the others."""
    if len(folders) == 1:
        _logger.warning("1 run was started here, but its folder is gone: %s", _shown(Path(folders[0])))
    elif folders:
        text = "%s runs were started here, but their folders are gone (first: %s)"
        _logger.warning(text, f"{len(folders):,}", _shown(Path(folders[-1])))


@runs.command
def show(run: Run, /, *, as_json: Json = False) -> None:
    """Print what is recorded about a run."""
    record = find_run(run)
    if as_json:
        output.write_json(_as_json(record))
        return
    output.write_lines(_record_lines(record))


@runs.command
def diff(first: Run, second: Run, /, *, show_code: ShowCode = False, as_json: Json = False) -> None:
    """Print what differs between two runs: inputs, versions, results, and the config with the places of values."""
    from lighter_cli.code.comparison import differences_of_code  # lists do not need it
    from lighter_cli.code.stored import stored_code

    before, after = find_run(first), find_run(second)
    codes = stored_code(before.folder), stored_code(after.folder)
    facts = [
        replace(difference, before_place=None, after_place=None)
        for difference in differences_between(*(load(facts) for facts in _compared((before, after), codes)))
    ]
    places = recorded_places(before.folder), recorded_places(after.folder)
    configs = [
        _with_recorded_places(difference, *places)
        for difference in differences_between(load([str(before.folder)]), load([str(after.folder)]))
    ]
    files = list(differences_of_code(*_both(codes, (before, after)))) if show_code else []
    if as_json:
        shown = {"record": json_of(facts), "config": json_of(configs)}
        output.write_json(shown | ({"code": list(map(asdict, files))} if show_code else {}))
        return
    output.write_lines(difference_lines(_title(before), _title(after), facts))
    output.write_lines([[""], [("config", HEADING)]])
    output.write_lines(difference_lines("", "", configs)[2:])
    if show_code:
        output.write_lines([[""], [("code", HEADING)], *_code_lines(files)])


runs.command("lighter_cli.commands.restore:restore", name="restore", help="Write config and code as they were.")


def find_run(run: str) -> Record:
    """Find a run by its id, a part of its id, its folder, or the word ``last``.

    Raises:
        SourceError: No run matches, or several do.
    """
    folder = Path(run)
    if is_regular(folder / RECORD_FILE):
        return read_record(folder.resolve())
    folders = {name_of(folder): Path(folder) for folder in reversed(recorded_folders(Path.cwd()))}
    if run == "last" and (newest := next(listed_runs(Path.cwd(), map(str, reversed(folders.values()))), None)):
        return read_record(Path(newest.folder))
    found = [run] if run in folders else [name for name in folders if run in name]
    if len(found) == 1:
        return read_record(folders[found[0]])
    if found:
        finding = Finding(
            message=f"{run!r} matches the ids of {len(found)} runs",
            nearest=tuple(found[-3:]),
            fix="give more of the id",
        )
    else:
        finding = Finding(
            message=f"unknown run {run!r}" if folders else "no run was started in this folder",
            expected=("an id, a part of one, 'last', or the folder of a run",) if folders else (),
            nearest=nearest_names(run, list(folders)),
            fix="list them with `lighter runs list`"
            if folders
            else "name the folder of a run, or run a stage here first",
        )
    raise SourceError(finding)


def _row(run: ListedRun) -> Line:
    status = run.status
    return (
        (run.name, PATH),
        run.stage,
        (status, _STATUS_STYLES.get(status, "")),
        _duration(run.start, run.end),
        shlex.join(run.words),
    )


def _record_lines(record: Record) -> Iterator[Line]:
    content = record.content
    yield [(record.folder.name, PATH)]
    facts: list[Line] = [
        ("stage", content["stage"]),
        ("status", (record.status, _STATUS_STYLES.get(record.status, ""))),
        ("error", content["error"] or ""),
        ("ended by", content.get("ended_by") or _interruption(content.get("ended"))),
        ("resumed", _resumed(content.get("resumed"))),
        ("nan loss", "; ".join(f"{mode}, {where}" for mode, where in content.get("nan_losses", {}).items())),
        ("words", shlex.join(content["words"])),
        ("start", _local(content["start"])),
        ("took", _duration(content["start"], content["end"])),
        ("epochs", _epochs(record)),
        ("time", _shares(content.get("time_spent"))),
        ("peak memory", _peak(content.get("peak_memory"))),
        ("seed", str(content["seed"])),
        ("git", _git(content["git"])),
        ("code", _code(record)),
        ("host", f"{content['process']['host']}, process {content['process']['pid']}"),
        ("devices", _devices(content["devices"])),
        ("project", content["project"] or ""),
        ("folder", (_shown(record.folder), PLACE)),
        ("to run again", _again(record)),
    ]
    yield from output.rows([fact for fact in facts if fact[1] and fact[1] != ("", PLACE)])
    yield from _sections(record)


def _sections(record: Record) -> Iterator[Line]:
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
            yield [""]
            yield [(title, HEADING)]
            yield from output.rows([(name, _text(value)) for name, value in values.items()])


def _again(record: Record) -> str:
    """Return the command that repeats a run; for fit it names the config, because the folder would resume."""
    folder = record.folder / RECORDED_CONFIG if record.content["stage"] == "fit" else record.folder
    return f"lighter {record.content['stage']} {shlex.quote(_shown(folder))}"


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
    parts = [f"{len(epochs)} in {_shown(record.folder / EPOCHS_FILE)}"]
    return ", ".join(parts + [f"{count} of them of run {run}" for run, count in earlier.items()])


def _shares(spent: Mapping[str, Any] | None) -> str:
    """Return the parts of the time that a fit took, largest first; those under half a percent are left out."""
    if not spent or not spent.get("total_s", 0) > 0:
        return ""
    seconds = {name.removesuffix("_s").replace("_", " "): spent.get(name, 0.0) for name in TIMES if name != "total_s"}
    shares = sorted(((value / spent["total_s"], name) for name, value in seconds.items()), reverse=True)
    return ", ".join(f"{name} {share:.0%}" for share, name in shares if share >= _MIN_SHARE)


def _peak(peak: Mapping[str, Any] | None) -> str:
    names = {"cuda_allocated_mib": "MiB on the GPU", "resident_mib": "MiB of the process"}
    return ", ".join(f"{peak[key]:,.0f} {name}" for key, name in names.items() if key in peak) if peak else ""


def _logger_place(logger: Mapping[str, str]) -> str:
    parts = [logger[key] for key in ("name", "version") if key in logger]
    parts += [_shown(Path(logger["folder"]))] if "folder" in logger else []
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
    return _shown(Path(value)) if isinstance(value, str) and os.sep in value else str(value)


def _shown(path: Path) -> str:
    """Return a path relative to the working directory if it is inside, else as it is."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _local(moment: str) -> str:
    return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M:%S}"


def _duration(start: str, end: str | None) -> str:
    """Return how long a run took; an empty text when it has no end."""
    if end is None:
        return ""
    took = datetime.fromisoformat(end) - datetime.fromisoformat(start)
    return str(timedelta(seconds=round(took.total_seconds()))) if took.total_seconds() >= 1 else "under 1 s"


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


def _devices(devices: Mapping[str, Any]) -> str:
    names = ", ".join(dict.fromkeys(devices["names"]))
    driver = f", driver {devices['gpu_driver']}" if devices.get("gpu_driver") else ""
    return f"{devices['num_nodes'] * devices['num_devices']} x {names} ({devices['strategy']}{driver})"


def _title(record: Record) -> str:
    return f"{record.folder.name} ({record.content['stage']}, {record.status})"


def _compared(records: tuple[Record, Record], codes: "_Codes") -> Iterator[dict[str, Any]]:
    """Yield the facts of two records to compare; a list becomes one text, so that it is compared in one piece."""
    for record, code in zip(records, codes, strict=True):
        facts = {name: record.content[name] for name in _COMPARED}
        facts |= {"status": record.status, "words": shlex.join(record.content["words"])}
        if code is not None and None not in codes:  # older records do not have them
            facts["packages"] = code.packages
        yield facts


def _both(codes: "_Codes", records: tuple[Record, Record]) -> "tuple[StoredCode, StoredCode]":
    """Return the code of two runs.

    Raises:
        SourceError: A record does not hold it.
    """
    for code, record in zip(codes, records, strict=True):
        if code is None:
            raise no_code(record)
    return cast("tuple[StoredCode, StoredCode]", codes)


def no_code(record: Record) -> SourceError:
    """Return the error for a record that does not hold the code of its run."""
    message = f"the record of run {record.folder.name} does not hold its code"
    return SourceError(Finding(message=message, fix=f"use its config: {record.folder / RECORDED_CONFIG}"))


def _code_lines(files: "Sequence[FileDifference]") -> Iterator[Line]:
    styles = {"+": ADDED, "-": REMOVED, "@": PLACE}
    if not files:
        yield [""]
        yield ["no difference"]
    for file in files:
        yield [""]
        yield [(file.path, PATH), f"   {file.kind}"]
        yield from ([(f"  {line}", styles.get(line[:1], ""))] for line in file.lines)


def _with_recorded_places(difference: Difference, before: Places, after: Places) -> Difference:
    """Replace the places in the stored configs by those that the values came from when the runs started."""
    return replace(
        difference,
        before_place=None if difference.kind is Kind.ADDED else _place_at(difference.path, before),
        after_place=None if difference.kind is Kind.REMOVED else _place_at(difference.path, after),
    )


def _place_at(path: str, places: Places) -> Place | None:
    inside = (chain for at, chain in places.items() if at == path or at.startswith(f"{path}::"))
    chain = next(inside, None)
    return Place(chain[0]) if chain else None


def _as_json(record: Record) -> dict[str, Any]:
    return {**record.content, "status": record.status, "folder": str(record.folder)}
