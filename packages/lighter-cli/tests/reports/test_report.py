"""``lighter report``: what pages say, and what happens with input that is wrong."""

import json
import math
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_runs import METRICS, MONITOR, START, epoch_lines, list_runs_in, write_run, write_sweep

from lighter_cli.reports.run_page import run_page
from lighter_cli.reports.subjects import find_subject, make_page
from lighter_cli.runs.run import run_of

Command = Callable[..., subprocess.CompletedProcess[str]]

RUN = "20260301-090000-aaaaaa"


def page_of(done: subprocess.CompletedProcess[str], file: str = "report.html") -> str:
    assert done.returncode == 0, done.stderr
    return Path(file).read_text()


def data_of(page: str) -> dict[str, Any]:
    text = page.partition('id="data">')[2].partition("</script>")[0]
    found: dict[str, Any] = json.loads(text)
    return found


def a_run(tmp_path: Path, **given: Any) -> Path:
    folder = write_run(tmp_path / "lighter_runs" / RUN, **given)
    list_runs_in(tmp_path, [folder])
    return folder


def test_the_page_of_a_run_says_what_a_reader_asks(in_process: Command, one_run: Path) -> None:
    page = page_of(in_process("report", "last"))
    for text in (
        "The fit finished after 60 epochs in 3 min 2 s; it ended by max_epochs=60.",
        f"Best {MONITOR[0]}",
        "It overfits after epoch",
        "Its time went to training (60%), waiting for data (20%), validation (10%).",
        "Its code is commit 0123456789ab, with uncommitted changes.",
        f"lighter test lighter_runs/{RUN}",
    ):
        assert text in page
    assert "<td>  lr: 0.003</td><td>command line, word 2</td>" in page
    assert "<td>  depth: 2</td><td>config.yaml:4:10</td>" in page


def test_training_and_validation_share_an_axis(in_process: Command, one_run: Path) -> None:
    figures = data_of(page_of(in_process("report", "last")))["figures"]
    pairs = [[curve["label"] for curve in figure["curves"]] for figure in figures]
    assert ["train/loss/epoch", "val/loss/epoch"] in pairs
    assert pairs[0] == ["train/metrics/Accuracy/epoch", "val/metrics/Accuracy/epoch"]  # what is monitored comes first
    assert pairs[-1] == ["train/optimizer/Adam/lr"]


def test_a_report_imports_neither_torch_nor_a_figure_library(
    lighter: Command, torch_imported: Callable[[], bool], one_run: Path
) -> None:
    assert lighter("report", "last").returncode == 0
    assert not torch_imported()
    program = "import sys, lighter_cli.reports.subjects, lighter_cli.reports.html; print('matplotlib' in sys.modules)"
    assert "False" in subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout


def test_a_page_fetches_nothing(in_process: Command, one_run: Path) -> None:
    page = page_of(in_process("report", "last"))
    assert "default-src 'none'" in page
    markup = page.partition("<script")[0]
    assert "http" not in markup.replace("http-equiv", "")


def test_several_runs_are_ranked_with_bands_over_seeds(in_process: Command, twelve_runs: list[Path]) -> None:
    page = page_of(in_process("report", *map(str, twelve_runs)))
    records = {folder: json.loads((folder / "record.json").read_text()) for folder in twelve_runs}
    best = max(twelve_runs, key=lambda folder: records[folder]["at_best"]["metrics"][MONITOR[0]])
    assert f"Best: {best.name[-6:]}, whose {MONITOR[0]} is" in page
    assert "vars::lr goes with" in page
    figures = data_of(page)["figures"]
    bands = {band["label"]: band for band in figures[0]["bands"]}
    assert sorted(bands) == ["lr 0.0003", "lr 0.001", "lr 0.003", "lr 0.01"]
    first = bands["lr 0.003"]
    three = [json.loads((folder / "epochs.jsonl").read_text().splitlines()[5]) for folder in twelve_runs[6:9]]
    values = [line["metrics"][MONITOR[0]] for line in three]
    mean = sum(values) / 3
    assert first["mean"][5] == pytest.approx(mean, rel=1e-4)
    assert first["std"][5] == pytest.approx(math.sqrt(sum((value - mean) ** 2 for value in values) / 2), rel=1e-3)


def test_several_runs_say_how_each_fit_went(in_process: Command, tmp_path: Path) -> None:
    names = ("train/loss/epoch", "val/loss/epoch", MONITOR[0])

    def lines(*values: tuple[float, float, float]) -> list[dict[str, Any]]:
        return [
            {
                "epoch": epoch,
                "step": epoch,
                "time_s": epoch,
                "at": START.isoformat(),
                "metrics": dict(zip(names, row, strict=True)),
            }
            for epoch, row in enumerate(values)
        ]

    rises = [(3, 3, 0.1), (2, 1, 0.6), (1, 2, 0.8), (0.5, 2.5, 0.7), (0.4, 3, 0.7)]
    falls = [(3, 3, 0.1), (2, 2, 0.5)]
    others = dict.fromkeys(("sanity_check_s", "validation_s", "checkpoints_s", "rest_s"), 0.0)
    waits = {"total_s": 10.0, "data_s": 6.0, "training_s": 4.0, **others}
    first = write_run(tmp_path / "lighter_runs" / "20260301-090000-aaaaaa", lines=lines(*rises))
    clean = {"commit": "fedcba9876543210", "dirty": False}
    second = write_run(
        tmp_path / "lighter_runs" / "20260301-090001-bbbbbb", lines=lines(*falls), seed=1, git=clean, time_spent=waits
    )
    done = in_process("report", str(first), str(second), "--json", "-o", "report.html")
    page = page_of(done)
    assert "1 of 2 fits overfit: aaaaaa after epoch 1." in page
    assert "1 of 2 fits waited for data, so more workers may help: bbbbbb." in page
    assert "They ran 2 states of the code" in page
    facts = {run["id"][-6:]: run for run in json.loads(done.stdout)["runs"]}
    kept = ("best_epoch", "overfit_after", "code")
    assert [facts["aaaaaa"][key] for key in kept] == [2, 1, "0123456789ab (edited)"]
    assert [facts["bbbbbb"][key] for key in kept] == [1, None, "fedcba987654"]
    assert facts["bbbbbb"]["time_shares"]["data"] == 0.6
    assert "waiting for data 60%, training 40%" in page


def test_by_colours_runs_by_a_value_of_the_config(in_process: Command, twelve_runs: list[Path]) -> None:
    curves = data_of(page_of(in_process("report", *map(str, twelve_runs), "--by", "seed")))["figures"][0]["curves"]
    assert sorted({curve["c"] for curve in curves}) == [0, 1, 2]
    done = in_process("report", *map(str, twelve_runs), "--by", "vars::lrr")
    assert done.returncode == 1
    assert "no run has 'vars::lrr' in its config" in done.stderr
    assert "vars::lr" in done.stderr


def test_a_sweep_has_its_figures(in_process: Command, tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    write_sweep(tmp_path / "lighter_sweeps" / "s", 60)
    page = page_of(in_process("report", "s"))
    kinds = [figure["kind"] for figure in data_of(page)["figures"]]
    assert kinds == ["bars", "points", "points", "points", "points", "parallel", "curves", "timeline"]
    for text in ("60 trials ended: 54 finished, 5 pruned, 1 failed.", "vars::lr matters most", "trial 49 is bad"):
        assert text in page
    rows = json.loads(in_process("report", "s", "--json").stdout)["rows"]
    assert page.index(f'<td class="number" data-key="{float(rows[0]["trial"])!r}">') > 0


def test_a_sweep_tells_about_the_run_of_its_best_trial(in_process: Command, tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    write_sweep(tmp_path / "lighter_sweeps" / "s", 12, epochs=6)
    page = page_of(in_process("report", "s"))
    number = page.partition("Best: trial ")[2].partition(",")[0]
    assert f"Of trial {number}: Best {MONITOR[0]}: " in page
    assert "Its time went to training" in page
    assert "Its code is commit" in page


def test_two_objectives_have_a_front(in_process: Command, tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    objectives = ((MONITOR[0], "maximize"), ("val/loss/epoch", "minimize"))
    write_sweep(tmp_path / "lighter_sweeps" / "s", 30, objectives=objectives)
    page = page_of(in_process("report", "s"))
    front = data_of(page)["figures"][0]
    assert 0 < len(front["line"]) < 30
    assert all(a[0] < b[0] and a[1] < b[1] for a, b in zip(front["line"], front["line"][1:], strict=False))


def test_a_damaged_journal_leaves_out_importances(in_process: Command, tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    folder = write_sweep(tmp_path / "lighter_sweeps" / "s", 20)
    (folder / "journal.log").write_text('{"op_code": 0}\n{"op_code": 5\nnonsense\n')
    page = page_of(in_process("report", "s"))
    assert "The importances are left out: the journal of the sweep s cannot be read" in page
    assert "History" in page
    (folder / "journal.log").unlink()
    assert "the sweep s has no journal.log" in page_of(in_process("report", "s"))
    assert not (folder / "journal.log").exists()  # reading makes no file


def test_a_sweep_without_a_trial_says_so(in_process: Command, tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    write_sweep(tmp_path / "lighter_sweeps" / "s", 0)
    assert "No trial has a value yet, so none is the best." in page_of(in_process("report", "s"))


def test_metrics_can_be_chosen(in_process: Command, one_run: Path) -> None:
    figures = data_of(page_of(in_process("report", "last", "--metric", "val/loss/epoch")))["figures"]
    assert [curve["label"] for figure in figures for curve in figure["curves"]] == ["val/loss/epoch"]
    done = in_process("report", "last", "--metric", "val/los")
    assert done.returncode == 1
    assert "no epoch logged 'val/los'" in done.stderr
    assert "nearest            val/loss/epoch" in done.stderr


def test_runs_of_other_stages_have_no_curves(in_process: Command, tmp_path: Path) -> None:
    fit = write_run(tmp_path / "lighter_runs" / RUN)
    metrics = {"test/loss/epoch": 0.5}
    test = write_run(tmp_path / "lighter_runs" / "20260301-091000-bbbbbb", lines=(), stage="test", metrics={})
    content = json.loads((test / "record.json").read_text())
    (test / "record.json").write_text(json.dumps({**content, "metrics": metrics, "at_best": None}))
    page = page_of(in_process("report", str(fit), str(test)))
    assert "The runs are of different stages: fit, test. Only those of fit have curves." in page
    assert "The test finished" in page_of(in_process("report", str(test)))


def test_a_record_without_a_curve_says_so(in_process: Command, tmp_path: Path) -> None:
    folder = a_run(tmp_path, lines=(), at_best=None)
    assert "The record has no curve" in page_of(in_process("report", str(folder)))


def test_a_damaged_curve_is_shown_as_far_as_it_is_whole(in_process: Command, tmp_path: Path) -> None:
    folder = a_run(tmp_path, epochs=5)
    file = folder / "epochs.jsonl"
    lines = file.read_text().splitlines()
    file.write_text("\n".join([lines[0], "{broken", *lines[2:]]) + "\n")
    curve = data_of(page_of(in_process("report", str(folder))))["figures"][0]["curves"][0]
    assert len(curve["v"]) == 4


def test_a_damaged_record_is_a_clear_error(in_process: Command, one_run: Path) -> None:
    (one_run / "record.json").write_text("{")
    done = in_process("report", str(one_run))
    assert done.returncode == 1
    assert "is damaged" in done.stderr


def test_a_damaged_config_is_said_in_the_page(in_process: Command, one_run: Path) -> None:
    (one_run / "config.yaml").write_text("a: [1\n")
    assert "The config cannot be read" in page_of(in_process("report", str(one_run)))


def test_nan_and_infinite_values_break_the_line(in_process: Command, tmp_path: Path) -> None:
    lines = list(epoch_lines(6, METRICS, lr=3e-3))
    lines[2]["metrics"]["val/loss/epoch"] = "NaN"
    lines[3]["metrics"]["val/loss/epoch"] = "Infinity"
    folder = a_run(tmp_path, lines=lines)
    page = page_of(in_process("report", str(folder), "--metric", "val/loss/epoch"))
    assert data_of(page)["figures"][0]["curves"][0]["v"][2:4] == [None, None]
    assert "val/loss/epoch is nan in epoch 2, and 1 more; the line has a gap there." in page


def test_a_long_curve_keeps_its_peaks_and_says_so(in_process: Command, tmp_path: Path) -> None:
    lines = list(epoch_lines(20_000, ["val/loss/epoch"], lr=3e-3))
    lines[7_777]["metrics"]["val/loss/epoch"] = 99.0
    folder = a_run(tmp_path, lines=lines)
    page = page_of(in_process("report", str(folder)))
    curve = data_of(page)["figures"][0]["curves"][0]
    assert max(curve["v"]) == 99.0
    assert len(curve["v"]) <= 2_000
    assert "of 20,000 points are drawn" in page


def test_a_running_fit_is_written_again_until_it_ends(
    in_process: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psutil

    me = psutil.Process()
    process = {"host": __import__("socket").gethostname(), "pid": me.pid, "created": me.create_time()}
    folder = a_run(tmp_path, epochs=3, status="running", end=None, process=process)
    monkeypatch.setattr("lighter_cli.commands.report._WATCH_S", 0.05)
    seen: list[str] = []

    def finish() -> None:
        while not Path("report.html").exists():
            time.sleep(0.01)
        seen.append(Path("report.html").read_text())
        record = json.loads((folder / "record.json").read_text())
        record |= {"status": "finished", "end": "2026-03-01T09:01:00+00:00"}
        (folder / "new.json").write_text(json.dumps(record))
        (folder / "new.json").replace(folder / "record.json")

    thread = threading.Thread(target=finish)
    thread.start()
    page = page_of(in_process("report", "last", "--watch"))
    thread.join()
    assert 'http-equiv="refresh"' in seen[0]
    assert "is still running after 3 epochs" in seen[0]
    assert 'http-equiv="refresh"' not in page
    assert "The fit finished after 3 epochs" in page


def test_json_has_the_data_of_the_page(in_process: Command, one_run: Path) -> None:
    found = json.loads(in_process("report", "last", "--json").stdout)
    assert found["run"]["id"] == RUN
    assert len(found["epochs"]) == 60
    assert not Path("report.html").exists()


def test_only_a_report_is_overwritten(in_process: Command, one_run: Path) -> None:
    Path("report.html").write_text("<p>mine")
    done = in_process("report", "last")
    assert done.returncode == 1
    assert "report.html exists, and is not a report" in done.stderr
    assert Path("report.html").read_text() == "<p>mine"
    assert in_process("report", "last", "-o", "other.html").returncode == 0
    assert in_process("report", "last", "-o", "other.html").returncode == 0


def test_pictures_and_matrices_of_the_record_are_shown(in_process: Command, one_run: Path) -> None:
    png = b"\x89PNG\r\n\x1a\n" + b"\0" * 32
    (one_run / "images" / "inputs").mkdir(parents=True)
    lines = []
    for epoch in range(30):
        file = f"images/inputs/epoch={epoch:04}.png"
        (one_run / file).write_bytes(png)
        lines.append({"name": "inputs", "epoch": epoch, "step": epoch, "file": file, "caption": "<b>"})
    (one_run / "images" / "confusion").mkdir()
    (one_run / "images" / "confusion" / "epoch=0003.png").write_bytes(png)  # its matrix is drawn instead
    lines.append({"name": "confusion", "epoch": 3, "step": 9, "file": "images/confusion/epoch=0003.png", "caption": ""})
    lines.append({"name": "outside", "epoch": 0, "step": 0, "file": "../../config.yaml", "caption": ""})
    (one_run / "images.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    matrix = {"name": "confusion", "epoch": 3, "step": 9, "labels": ["cat", "dog"], "matrix": [[8, 2], [1, 9]]}
    damaged = {**matrix, "matrix": [[8, 2], [1]]}
    (one_run / "matrices.jsonl").write_text(json.dumps(matrix) + "\n" + json.dumps(damaged) + "\n{\n")
    page = page_of(in_process("report", "last"))
    assert page.count("data:image/png;base64") == 12
    assert "inputs: 12 of 30 pictures are shown" in page
    assert "epoch 29: &lt;b&gt;" in page
    assert "85.0% on the diagonal. cat taken for dog: 2; dog taken for cat: 1" in page


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "no run given"),
        (("nothing",), "no run was started in this folder"),
        (("--last", "3"), "no run fulfils these conditions"),
        (("last", "--last", "3"), "runs are named and selected"),
    ],
)
def test_no_run_is_a_clear_error(in_process: Command, words: tuple[str, ...], said: str) -> None:
    done = in_process("report", *words)
    assert done.returncode == 1
    assert said in done.stderr


def test_a_sweep_and_a_run_make_no_page(in_process: Command, one_run: Path, tmp_path: Path) -> None:
    (tmp_path / "lighter_sweeps" / "s").mkdir(parents=True)
    (tmp_path / "lighter_sweeps" / "s" / "sweep.json").write_text("{}")
    done = in_process("report", "s", "last")
    assert done.returncode == 1
    assert "s is a sweep, and a report shows one sweep or runs" in done.stderr
    assert "unknown run or sweep 'tt'" in in_process("report", "tt").stderr


def test_figures_are_written_with_their_data(in_process: Command, one_run: Path) -> None:
    pytest.importorskip("matplotlib")
    done = in_process("report", "last", "--metric", "val/loss/epoch", "--figures", "figures")
    assert done.returncode == 0, done.stderr
    assert not Path("report.html").exists()
    files = sorted(Path("figures").iterdir())
    assert [file.name for file in files] == [f"loss.{ending}" for ending in ("csv", "pdf", "png", "svg")]
    heading, first, *_ = files[0].read_text().splitlines()
    value = json.loads((one_run / "epochs.jsonl").read_text().splitlines()[0])["metrics"]["val/loss/epoch"]
    assert heading == "curve,epoch,step,time_s,value"
    assert float(first.split(",")[-1]) == value
    assert [file.read_bytes()[:4] for file in files[1:]] == [b"%PDF", b"\x89PNG", b"<?xm"]


@pytest.mark.parametrize("option", ["--light", "--figures=figures"])
def test_hundreds_of_figures_are_not_drawn(in_process: Command, tmp_path: Path, option: str) -> None:
    names = [f"val/score_{index}" for index in range(300)]
    folder = write_run(tmp_path / "lighter_runs" / "20260301-090000-aaaaaa", metrics=names, epochs=2)
    done = in_process("report", str(folder), option)
    assert done.returncode == 1
    assert "the page has 300 figures" in done.stderr
    assert "at most 200 figures to draw" in done.stderr
    assert not Path("report.html").exists()
    assert not Path("figures").exists()


def test_without_matplotlib_the_extra_is_named(
    in_process: Command, one_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    done = in_process("report", "last", "--light")
    assert done.returncode == 1
    assert "pip install 'lighter-cli[report]'" in done.stderr


def test_a_failed_run_shows_its_error(in_process: Command, tmp_path: Path) -> None:
    folder = a_run(tmp_path, epochs=2, status="failed", error="ValueError: <bad> data\nmore")
    (tmp_path / "output.log").write_text("line one\nline two\n")
    page = page_of(in_process("report", str(folder)))
    assert "The fit failed after 2 epochs in 8.0 s: ValueError: &lt;bad&gt; data" in page
    assert "line two" in page


def test_names_of_any_length_and_hundreds_of_metrics_fit(in_process: Command, tmp_path: Path) -> None:
    names = [f"val/{'x' * 200}{index}/epoch" for index in range(500)]
    folder = a_run(tmp_path, epochs=3, metrics=names)
    page = page_of(in_process("report", str(folder)))
    assert len(data_of(page)["figures"]) == 500
    assert "488 more metrics" in page


def test_a_sweep_is_found_by_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "lighter_sweeps" / "s"
    folder.mkdir(parents=True)
    (folder / "sweep.json").write_text("{}")
    assert find_subject([str(folder)]) == folder
    assert make_page(folder).title == "Sweep s"


def test_the_page_of_python_is_that_of_the_command(one_run: Path) -> None:
    assert run_page(run_of(one_run)).title == RUN


def test_the_libraries_are_those_that_the_list_names() -> None:
    from importlib.resources import files

    assets = files("lighter_cli.reports") / "assets"
    listed = (assets / "README.md").read_text()
    assert f"| {(assets / 'd3.min.js').read_text()[:60].split(' v')[1].split()[0]} |" in listed
    assert f"| {(assets / 'plot.umd.min.js').read_text()[:60].split(' v')[1].split()[0]} |" in listed


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_curves_stand_out_from_the_page(scheme: str) -> None:
    """Text has a contrast of 4.5 to 1 or more, and curves of 3 to 1, as WCAG 2 asks."""
    import re
    from importlib.resources import files

    blocks = (files("lighter_cli.reports") / "assets" / "report.css").read_text().split(":root {")[1:3]
    colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", blocks[scheme == "dark"].partition("}")[0]))

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(one: str, other: str) -> float:
        low, high = sorted((luminance(colours[one]), luminance(colours[other])))
        return (high + 0.05) / (low + 0.05)

    assert all(contrast(name, back) >= 4.5 for name in ("ink", "soft", "mark") for back in ("paper", "wash"))
    assert all(contrast(name, "paper") >= 3 for name in (*(f"c{index}" for index in range(8)), "grey"))
