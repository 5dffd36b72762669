"""Workers that a server forks: what they need is imported once, and stays as it was when the fit began."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Write = Callable[[str, str], Path]
Command = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="no server forks workers here"),
]

EXPERIMENT = """
    project: code
    trainer: {_target_: pytorch_lightning.Trainer, max_epochs: 3, accelerator: cpu, logger: false, log_every_n_steps: 1,
              enable_checkpointing: false, enable_progress_bar: false, callbacks: [{_target_: edits.Edits}]}
    system:
      _target_: lighter.System
      model: {_target_: torch.nn.Linear, in_features: 1, out_features: 1}
      criterion: {_target_: torch.nn.MSELoss}
      optimizer: {_target_: torch.optim.SGD, params: "$@system::model.parameters()", lr: 0.1}
      dataloaders:
        train:
          _target_: torch.utils.data.DataLoader
          dataset: {_target_: numbers_to_learn.Numbers}
          num_workers: 2
          multiprocessing_context: forkserver
"""
DATA = """
    import os
    import torch

    NUMBER = 1

    with open("imports.txt", "a") as file:
        print(os.getpid(), file=file)

    class Numbers:
        def __len__(self):
            return 2

        def __getitem__(self, index):
            with open("numbers.txt", "a") as file:
                print(NUMBER, file=file)
            return torch.zeros(1), torch.zeros(1)
"""
EDITS = """
    from pathlib import Path
    from pytorch_lightning import Callback

    class Edits(Callback):
        '''Changes the file of the dataset while the run trains.'''

        def on_train_epoch_end(self, trainer, module):
            file = Path("code/numbers_to_learn.py")
            file.write_text(file.read_text().replace("NUMBER = 1", "NUMBER = 2"))
"""


@pytest.fixture
def code(write: Write, monkeypatch: pytest.MonkeyPatch) -> Path:
    write("config.yaml", EXPERIMENT)
    write("code/edits.py", EDITS)
    file = write("code/numbers_to_learn.py", DATA)
    monkeypatch.setenv("PYTHONPATH", str(file.parent))
    return file


@pytest.mark.parametrize("module", ["numbers_to_learn", "project.numbers_to_learn"])
def test_workers_of_every_epoch_run_the_code_with_which_the_fit_began(
    lighter: Command, tmp_path: Path, code: Path, module: str
) -> None:
    if module.startswith("project") and sys.version_info < (3, 14):
        pytest.skip("before Python 3.14, the server does not get sys.path")
    dataset = "system::dataloaders::train::dataset::_target_"
    done = lighter("fit", "config.yaml", f"{dataset}={module}.Numbers")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "numbers.txt").read_text().split() == ["1"] * 2 * 3
    assert "NUMBER = 2" in code.read_text()
    processes = (tmp_path / "imports.txt").read_text().split()
    assert len(processes) == len(set(processes)) == 2, "not once in the process of the fit and once in the server"


@pytest.mark.usefixtures("code")
def test_workers_run_the_newest_code_in_an_interactive_session(write: Write, tmp_path: Path) -> None:
    write(
        "session.py",
        """
        import sys
        from lighter_cli import Runner

        if __name__ == "__main__":
            sys.ps1 = ">>> "
            Runner().run("fit", ["config.yaml"])
        """,
    )
    done = subprocess.run([sys.executable, "session.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "numbers.txt").read_text().split() == ["1", "1", *["2"] * 4]
