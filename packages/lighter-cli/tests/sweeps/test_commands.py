"""What users type: a sweep from the command line, looking at it, testing its best trial, stopping it."""

import csv
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("optuna", minversion="5")

from lighter_cli.runs.record import read_records
from lighter_cli.sweeps.gpus import slots_of
from lighter_cli.sweeps.overview import Overview, find_sweep
from lighter_cli.terminal.process import reporting_errors
from lighter_config import load

pytestmark = pytest.mark.slow

Command = Callable[..., "subprocess.CompletedProcess[str]"]
SWEEP = (
    "sweep",
    "sweep.yaml",
    "vars::value:=0.1,0.3,0.2",
    "--max",
    "val/value",
    "--sampler",
    "grid",
    "--name",
    "values",
)


@pytest.fixture
def swept(config: str, lighter: Command) -> str:
    """A sweep of three trials that is done."""
    done = lighter(*SWEEP)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_sweep_is_seen_exported_and_tested(swept: str, lighter: Command, in_process: Command, tmp_path: Path) -> None:
    assert swept.startswith("sweep values: 3 trials\ntrial 0  finished  val/value 0.11  value=0.1\n")
    assert "to test   lighter test lighter_sweeps/values/best\n" in swept
    assert "values   " in in_process("sweeps", "list").stdout
    shown = in_process("sweeps", "show", "values").stdout
    assert "best     val/value 0.31, trial 1\n" in shown
    (listed,) = json.loads(in_process("sweeps", "list", "--json").stdout)
    assert (listed["ended"], listed["running"], listed["failed"]) == (3, 0, 0)
    content = json.loads(in_process("sweeps", "show", "last", "--json").stdout)
    assert [row["trial"] for row in content["rows"]] == [1, 2, 0]
    assert in_process("sweeps", "export", "values", "--to", "values.json").returncode == 0
    assert json.loads((tmp_path / "values.json").read_text())[0]["vars::value"] == 0.3
    assert in_process("sweeps", "export", "values", "--to", "values.csv").returncode == 0
    assert (tmp_path / "values.csv").read_text().count("\n") == 4
    assert "unknown format '.xlsx'" in in_process("sweeps", "export", "values", "--to", "values.xlsx").stderr
    assert "unknown sweep 'valuse'" in in_process("sweeps", "show", "valuse").stderr
    explained = in_process("explain", "vars::value", "lighter_sweeps/values/trials/0001").stdout
    assert explained.startswith("vars::value: 0.3\n")
    assert "command line, word 2 (trial 1)" in explained
    tested = lighter("test", "lighter_sweeps/values/best")
    assert tested.returncode == 0, tested.stderr
    records = read_records(tmp_path)
    assert records[-1].content["stage"] == "test"
    trained = [one for one in records if one.content.get("trial", {}).get("number") == 1]
    assert records[-1].content["options"]["ckpt_path"] == str(trained[0].checkpoint("best"))
    again = lighter("fit", "lighter_sweeps/values/trials/0002", "trainer::max_epochs=3")
    assert again.returncode == 0, again.stderr
    assert "trial" not in read_records(tmp_path)[-1].content
    assert lighter("sweep", "lighter_sweeps/values").returncode == 0
    assert len(read_records(tmp_path)) == 5


def test_runs_of_trials_are_grouped_over_their_seeds(config: str, lighter: Command, in_process: Command) -> None:
    words = ("vars::value:=0.1,0.2", "seed:=0,1", "--repeat", "seed", "--name", "seeds")
    assert lighter("sweep", config, *words).returncode == 0
    rows = list(csv.DictReader(io.StringIO(in_process("runs", "list", "--over", "seed", "--csv").stdout)))
    assert [(row["n"], row["vars::value"]) for row in rows] == [("2", "0.1"), ("2", "0.2")]
    assert "trainer::default_root_dir" not in in_process("runs", "list", "--csv").stdout


def test_events_are_json_for_tools(config: str, lighter: Command) -> None:
    done = lighter(*SWEEP, "--json")
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["event"] for event in events] == ["begin", *["started", "ended"] * 3]
    assert [event["values"] for event in events if event["event"] == "ended"] == [
        [pytest.approx(value, abs=1e-6)] for value in (0.11, 0.31, 0.21)
    ]


def test_a_sweep_is_stopped_from_elsewhere(config: str, in_process: Command, tmp_path: Path) -> None:
    words = [*SWEEP, "trainer::max_epochs=20", "vars::epoch_s=0.2"]
    sweep = subprocess.Popen([sys.executable, "-m", "lighter_cli", *words], cwd=tmp_path, stdout=subprocess.DEVNULL)
    while not read_records(tmp_path):
        time.sleep(0.05)
    assert "1 running trial will end" in in_process("sweeps", "stop", "values").stdout
    assert sweep.wait() == 0
    assert [record.status for record in read_records(tmp_path)] == ["interrupted"]
    (trial,) = Overview(find_sweep("values")).open
    assert trial["state"] == "open"


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_a_terminal_shows_a_live_table(config: str, tmp_path: Path) -> None:
    import pty

    pid, descriptor = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        os.environ.update(COLUMNS="120", TERM="xterm")
        os.execv(sys.executable, [sys.executable, "-m", "lighter_cli", *SWEEP, "vars::epoch_s=0.8"])
    shown = b""
    while True:
        try:
            content = os.read(descriptor, 4096)
        except OSError:
            break
        if not content:
            break
        shown += content
    assert os.waitpid(pid, 0)[1] == 0
    text = shown.decode()
    assert "values: 0 of 3 trials done" in text
    assert "trial 2  finished" in text
    assert "to test" in text


def test_gpus_are_divided_among_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3,GPU-5")
    two = load({"trainer": {"accelerator": "gpu", "devices": 2}})
    assert [slot.gpus for slot in slots_of(two, workers=None, share=1)] == ["0,1", "2,3"]
    one = load({"trainer": {"accelerator": "auto", "devices": 1}})
    assert [slot.gpus for slot in slots_of(one, workers=3, share=1)] == ["0", "1", "2"]
    assert [slot.gpus for slot in slots_of(one, workers=None, share=2)][:4] == ["0", "0", "1", "1"]
    assert slots_of(one, workers=1, share=1)[0].environment == {"CUDA_VISIBLE_DEVICES": "0"}
    cpu = load({"trainer": {"accelerator": "cpu"}})
    assert [slot.gpus for slot in slots_of(cpu, workers=2, share=1)] == [None, None]


def test_too_few_gpus_are_an_error(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    config = load({"trainer": {"accelerator": "auto", "devices": 1}})
    with pytest.raises(SystemExit), reporting_errors():
        slots_of(config, workers=4, share=1)
    shown = capsys.readouterr().err
    assert shown.startswith("error: 1 GPU for 4 trials at once\n")
    assert "--workers 1, or --share 4" in shown


def test_without_optuna_the_command_says_what_is_missing(
    config: str, in_process: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    done = in_process(*SWEEP)
    assert done.returncode == 1
    assert "sweeps need Optuna, which is not installed" in done.stderr
    assert "pip install 'lighter-cli[sweep]'" in done.stderr


def test_commands_import_optuna_only_to_run_a_sweep(swept: str) -> None:
    for words in (["--help"], ["sweep", "--help"], [*SWEEP, "--dry-run"], ["sweeps", "show", "values"]):
        program = f"""
import atexit, os, sys
from lighter_cli.main import main
atexit.register(lambda: 'optuna' in sys.modules and os._exit(77))
sys.argv = ["lighter", *{words!r}]
main()
"""
        done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True)
        assert done.returncode == 0, words
