"""Hand a packed run to somebody with nothing: follow its README in a new environment, and compare the numbers.

Run in a folder outside the repository, with the Python of an environment that has lighter-cli:
hand_over_a_run.py PYTHON_VERSION OPTION..., where the options are those that ``uv pip install`` needs to find Lighter
and a CPU build of torch.
"""

import json
import re
import shlex
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

CONFIG = """\
seed: 1
trainer:
  _target_: pytorch_lightning.Trainer
  max_epochs: 2
  accelerator: cpu
  logger: false
  callbacks: [{_target_: pytorch_lightning.callbacks.ModelCheckpoint, dirpath: checkpoints, monitor: val/loss/epoch}]
numbers: {_target_: torch.arange, _args_: [96]}
dataset:
  _target_: torch.utils.data.TensorDataset
  _args_: ["$(@numbers * 37 % 101).reshape(24, 4) / 50 - 1", "$@numbers[:24] % 2"]
system:
  _target_: lighter.System
  model: {_target_: torch.nn.Linear, in_features: 4, out_features: 2}
  criterion: {_target_: torch.nn.CrossEntropyLoss}
  optimizer: {_target_: torch.optim.SGD, params: "$@system::model.parameters()", lr: 0.1}
  metrics: {test: {_target_: torchmetrics.Accuracy, task: multiclass, num_classes: 2}}
  dataloaders:
    train: {_target_: torch.utils.data.DataLoader, dataset: "@dataset", batch_size: 5}
    val: "%::train"
    test: "%::train"
    predict: {_target_: torch.utils.data.DataLoader, dataset: "$@dataset[:][0]", batch_size: 5}
"""
"""A run without code, which ``--safe`` lets through; the template has code."""


def run(words: list[str | Path], folder: Path) -> None:
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{shlex.join(map(str, words))} failed:\n{done.stdout}{done.stderr}"


def records(folder: Path) -> list[dict[str, Any]]:
    """Return the records below a folder, oldest first."""
    found = [json.loads(file.read_text()) for file in folder.rglob("lighter_runs/*/record.json")]
    return sorted(found, key=lambda record: record["start"])


def packed(folder: Path, config: str, name: str) -> dict[str, Any]:
    """Train, test and pack a run; return the metrics of both stages."""
    lighter = Path(sys.executable).with_name("lighter")
    run([lighter, "fit", config, "trainer::max_epochs=2"], folder)
    run([lighter, "test", config, "--ckpt-path", "best"], folder)
    fit, test = records(folder)
    run([lighter, "pack", fit["id"], f"../{name}.zip"], folder)
    assert test["metrics"], test
    return {"fit": fit["metrics"], "test": test["metrics"]}


def follow(readme: Path, environment: Path, options: list[str], extra: list[str]) -> dict[str, Any]:
    """Do what a README says, with uv in the place of pip and only what it installs; return the metrics by stage."""
    (block,) = re.findall(r"```bash\n(.*?)```", readme.read_text(), re.DOTALL)
    folder = readme.parent
    for words in map(shlex.split, block.splitlines()):
        if words[0] == "pip":
            run(["uv", *words, "--quiet", f"--python={environment}", *options], folder)
        elif words[0] == "cd":
            folder = folder / words[1]
        else:
            assert words[0] == "lighter", words
            run([environment / "bin/lighter", *words[1:], *extra], folder)
    return {record["stage"]: record["metrics"] for record in records(readme.parent)}


def main(python: str, *options: str) -> None:
    """Do all of it for a run with code, and for one without, which also runs with ``--safe``."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as temporary:
        root = Path(temporary).resolve()
        run([Path(sys.executable).with_name("lighter"), "init", "with_code", "--template", "system"], root)
        run(["uv", "venv", "--quiet", f"--python={python}", "environment"], root)
        Path(root, "without_code").mkdir()
        Path(root, "without_code/config.yaml").write_text(CONFIG)
        for name, extra in (("with_code", []), ("without_code", ["--safe"])):
            expected = packed(root / name, "config.yaml", name)
            Path(root, name).rename(root / f"gone_{name}")
            with zipfile.ZipFile(root / f"{name}.zip") as pack:
                pack.extractall(root / "colleague")
            found = follow(root / "colleague" / name / "README.md", root / "environment", list(options), extra)
            assert found["test"] == expected["test"], (found, expected)
            assert found["fit"] == expected["fit"], (found, expected)
            assert "predict" in found
            print(
                f"{name}: the same {len(expected['test'])} values of test and {len(expected['fit'])} of fit elsewhere"
            )


if __name__ == "__main__":
    main(*sys.argv[1:])
