"""Experiments in a real kernel: what the cells of a notebook show."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        find_spec("nbclient") is None or find_spec("ipykernel") is None,
        reason="needs nbclient and ipykernel: `nox -s notebook`",
    ),
]

PROGRAM = """
import json, sys
import nbformat
from nbclient import NotebookClient

cells = [nbformat.v4.new_code_cell(source) for source in json.loads(sys.argv[1])]
notebook = nbformat.v4.new_notebook(cells=cells)
NotebookClient(notebook, timeout=120, kernel_name="python3", allow_errors=True).execute()
print(json.dumps([cell.outputs for cell in notebook.cells]))
"""
LOAD = """
from lighter_cli import load_experiment
experiment = load_experiment("config.yaml", "trainer::enable_progress_bar=true", "trainer::max_epochs=2")
"""


def outputs_of(*cells: str) -> list[list[dict[str, Any]]]:
    """Run cells in a kernel, and return the outputs of each."""
    command = [sys.executable, "-c", PROGRAM, json.dumps(cells)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    outputs: list[list[dict[str, Any]]] = json.loads(done.stdout)
    return outputs


def text_of(outputs: list[dict[str, Any]]) -> str:
    return "".join(str(output.get("text") or output.get("data") or output.get("evalue")) for output in outputs)


def test_fit_shows_progress_and_result_without_warnings_of_widgets(system_config: str) -> None:
    assert Path(system_config).is_file()
    loaded, fitted, overridden, failed = outputs_of(
        LOAD,
        "result = experiment.fit()\nresult",
        "print(type(experiment.built.trainer.progress_bar_callback).__name__)\n"
        "str(experiment.override('seed=3').config.place('seed'))",
        "load_experiment('config.yaml',\n 'trainr=1')",
    )
    assert loaded == []
    assert "ipywidgets" not in text_of(fitted)
    assert "<polyline" in fitted[-1]["data"]["text/html"]
    assert fitted[-1]["data"]["text/plain"].startswith("fit ")
    if find_spec("ipywidgets") is None:
        progress = "".join(output["text"] for output in fitted if output.get("name") == "stdout")
        assert "Epoch 1: 100%" in progress
        assert "\n" not in progress.strip()
        assert "Validation" not in progress
        assert "NotebookProgressBar" in text_of(overridden)
    assert "'Cell In[3]:2, argument 1'" in text_of(overridden)
    assert "Cell In[4]:1, argument 2 trainr=1" in text_of(failed)


@pytest.mark.skipif(find_spec("ipywidgets") is not None, reason="ipywidgets is installed")
def test_bar_that_the_config_names_stays(system_config: str) -> None:
    assert Path(system_config).is_file()
    *_, shown = outputs_of(
        LOAD,
        "named = 'trainer::callbacks+={_target_: pytorch_lightning.callbacks.RichProgressBar}'\n"
        "bars = experiment.override(named).build('fit').trainer.callbacks\n"
        "[type(bar).__name__ for bar in bars if 'Bar' in type(bar).__name__]",
    )
    assert "['RichProgressBar']" in text_of(shown)


def test_only_a_notebook_without_widgets_changes_the_bar(system_config: str) -> None:
    from pytorch_lightning.callbacks import RichProgressBar

    from lighter_cli import load_experiment

    built = load_experiment(system_config, "trainer::enable_progress_bar=true").build("fit")
    assert type(built.trainer.progress_bar_callback) is RichProgressBar
