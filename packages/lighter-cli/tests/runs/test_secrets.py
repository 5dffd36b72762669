"""No file of a run holds a secret, the run itself gets it, and a restart asks for it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from lighter_cli import Runner
from lighter_cli.runs.inputs import experiment_overrides
from lighter_cli.runs.record import read_records
from lighter_config import CheckError, SecretError, load

pytestmark = pytest.mark.slow

Write = Callable[[str, str], Path]

KEYED = """\
from pathlib import Path
from pytorch_lightning.loggers import CSVLogger

class KeyedLogger(CSVLogger):
    def __init__(self, api_key, endpoint=None, login=None, **arguments):
        super().__init__("logs", **arguments)
        self.given = api_key, endpoint, login
"""
FILE = """\
trainer:
  logger:
    _target_: project.keyed.KeyedLogger
    api_key: "@vars::mine"
    endpoint: https://ann:from-the-address@example.org/runs
    login: "%other.yaml::account"
vars:
  mine: from-the-variable
trainer::callbacks::0::dirpath: checkpoints
"""
OTHER = "account: {user: ann, password: from-another-file}\n"
SECRETS = ("from-the-variable", "from-the-address", "from-another-file", "from-the-argument", "from-python", "replaced")
WORDS = ("trainer::logger::login::password=replaced-later", "=vars::hf_token=from-the-argument")


@pytest.fixture
def inputs(module_config: str, write: Write) -> list[Any]:
    write("code/keyed.py", KEYED)
    write("other.yaml", OTHER)
    write("secret.yaml", FILE)
    return [module_config, "secret.yaml", *WORDS, {"vars": {"more": {"client_secret": "from-python"}}}]


@pytest.fixture
def inputs_on_disk(inputs: list[Any]) -> set[Path]:
    return set(_files())


def _files() -> Iterator[Path]:
    return (path for path in Path().rglob("*") if path.is_file())


def _assert_no_secret(inputs_on_disk: set[Path]) -> None:
    written = set(_files()) - inputs_on_disk
    assert any(path.name == "record.json" for path in written)
    for path in written:
        content = path.read_bytes()
        assert not [secret for secret in SECRETS if secret.encode() in content], path


def test_a_run_leaves_no_secret_on_the_disk(inputs: list[Any], inputs_on_disk: set[Path]) -> None:
    runner = Runner()
    runner.run("fit", inputs)
    assert runner.experiment is not None
    key, endpoint, login = runner.experiment.trainer.logger.given  # type: ignore[union-attr]
    assert (key, login) == ("from-the-variable", {"user": "ann", "password": "replaced-later"})
    assert endpoint == "https://ann:from-the-address@example.org/runs"
    _assert_no_secret(inputs_on_disk)
    record = read_records(Path())[-1]
    assert record.content["overrides"] == [
        "trainer::logger::login::password=<secret not recorded>",
        "=vars::hf_token=<secret not recorded>",
    ]
    stored = load([str(record.folder)])
    assert stored.get("vars::mine") == "<secret not recorded>"
    assert stored.get("trainer::logger::endpoint") == "<secret not recorded> https://ann:***@example.org/runs"
    assert stored.get("trainer::logger::login::user") == "ann"
    hparams = next(Path("logs").rglob("hparams.yaml")).read_text()
    assert "vars/mine: <secret not recorded>" in hparams


def test_a_failed_run_leaves_no_secret_in_its_error(inputs: list[Any], inputs_on_disk: set[Path], write: Write) -> None:
    code = Path("code/models.py").read_text()
    step = "    def training_step(self, batch, batch_idx):\n"
    write("code/models.py", code.replace(step, f"{step}        raise OSError(str(self.trainer.logger.given))\n"))
    with pytest.raises(OSError, match="from-the-variable"):
        Runner().run("fit", inputs)
    _assert_no_secret(inputs_on_disk)
    assert read_records(Path())[-1].content["error"].startswith("OSError: ('<secret not recorded>', 'https://ann:***@")


@pytest.mark.parametrize("with_checks", [True, False])
def test_a_run_from_a_record_asks_for_its_secrets(
    inputs: list[Any], write: Write, lighter: Callable[..., Any], with_checks: bool
) -> None:
    Runner().run("fit", [*inputs, "trainer::max_epochs=1"])
    folder = str(read_records(Path())[-1].folder)
    kind = CheckError if with_checks else SecretError
    for source in (folder, "checkpoints/last.ckpt"):
        with pytest.raises(kind) as caught:
            Runner().run("test", [source], check_first=with_checks)
        finding = caught.value.findings[0]
        assert finding.path in ("vars::mine", "trainer::logger::endpoint", "trainer::logger::login::password")
        assert finding.message == f"{finding.path} holds only a mask: the record of a run keeps no secrets"
        assert f"add {finding.path}=VALUE" in finding.fix
        assert "$os.environ" in finding.fix
    assert len(read_records(Path())) == 1
    given = [
        "vars::mine=$os.environ['KEY']",
        "trainer::logger::endpoint=null",
        "trainer::logger::login::password=again",
    ]
    done = lighter("test", folder, *given, *["--no-check"] * (not with_checks), KEY="from-the-variable")
    assert done.returncode == 0, done.stderr
    record = read_records(Path())[-1].content
    assert record["overrides"][-3:] == [*given[:2], "trainer::logger::login::password=<secret not recorded>"]


def test_the_commands_that_show_runs_have_no_secret(inputs: list[Any], in_process: Callable[..., Any]) -> None:
    Runner().run("fit", [*inputs, "trainer::max_epochs=1"])
    for words in (["list", "--columns", "id,words"], ["list", "--json"], ["show", "last"], ["show", "last", "--json"]):
        text = in_process("runs", *words).stdout
        assert "secret.yaml" in text
        assert not [secret for secret in SECRETS if secret in text]


def test_overrides_with_secrets_compare_equal_with_recorded_ones(inputs: list[Any]) -> None:
    """A job that SLURM restarts finds its run by the overrides."""
    Runner().run("fit", [*inputs, "trainer::max_epochs=1"])
    config = load([*inputs, "trainer::max_epochs=1"])
    assert read_records(Path())[-1].overrides == experiment_overrides(config, ())


def test_the_note_and_the_debug_log_have_no_secret(inputs: list[Any], lighter: Callable[..., Any]) -> None:
    done = lighter("fit", *inputs[:-1], "trainer::fast_dev_run=true", LIGHTER_DEBUG="1")
    assert done.returncode == 0, done.stderr
    assert "vars::mine looks like a secret: records keep a mask in its place" in done.stderr
    assert "the part of the config that fit uses" in done.stderr
    assert not [secret for secret in SECRETS if secret in done.stderr + done.stdout]


def test_the_ranks_that_lightning_starts_get_the_secret(
    inputs: list[Any], inputs_on_disk: set[Path], write: Write
) -> None:
    code = Path("code/models.py").read_text()
    step = "    def training_step(self, batch, batch_idx):\n"
    given = "        assert self.trainer.logger.given[0] == 'from-the-' + 'variable'\n"
    said = "        print(f'rank {self.global_rank}\\n', end='')\n"  # in one write, as both ranks write to one pipe
    write("code/models.py", code.replace(step, f"{step}{given}{said}"))
    inputs_on_disk |= {Path("code/models.py")}
    two = ["trainer::devices=2", "trainer::strategy=ddp", "trainer::max_epochs=1"]
    command = [sys.executable, "-m", "lighter_cli", "fit", *inputs[:-1], *two]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert {"rank 0", "rank 1"} <= set(done.stdout.splitlines())
    _assert_no_secret({*inputs_on_disk, *(p for p in _files() if p.suffix == ".pyc")})


def test_a_secret_from_the_environment_is_recorded_as_written(inputs: list[Any], monkeypatch: Any) -> None:
    monkeypatch.setenv("MINE", "from-the-environment")
    Runner().run("fit", [*inputs, "trainer::max_epochs=1", "vars::mine=$os.environ['MINE']"])
    record = read_records(Path())[-1]
    assert load([str(record.folder)]).get("vars::mine") == "$os.environ['MINE']"
    checkpoint = torch.load("checkpoints/last.ckpt", weights_only=True)
    assert json.loads(checkpoint["lighter_record"])["overrides"][-1] == "vars::mine=$os.environ['MINE']"
    assert not [path for path in _files() if b"from-the-environment" in path.read_bytes()]
    assert os.environ["MINE"] == "from-the-environment"
