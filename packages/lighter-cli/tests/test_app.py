import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]
Write = Callable[[str, str], object]
Imported = Callable[[], bool]


@pytest.mark.parametrize("words", [["--help"], ["fit", "--help"], ["--version"], []])
def test_help_and_version_do_not_import_torch(lighter: Command, torch_imported: Imported, words: list[str]) -> None:
    done = lighter(*words)
    assert done.returncode == 0, done.stderr
    assert not torch_imported()


def test_help_names_every_stage(lighter: Command) -> None:
    assert all(stage in lighter("--help").stdout for stage in ("fit", "validate", "test", "predict"))


def test_a_mistyped_command_exits_with_2_and_the_nearest(lighter: Command, torch_imported: Imported) -> None:
    done = lighter("fitt", "config.yaml")
    assert done.returncode == 2
    assert "to fix             write lighter fit" in done.stderr
    assert not torch_imported()


def test_a_mistyped_option_exits_with_2_and_the_nearest(lighter: Command) -> None:
    done = lighter("fit", "config.yaml", "--chkpt-path", "last")
    assert done.returncode == 2
    assert "--ckpt" in done.stderr + done.stdout


@pytest.mark.parametrize(
    ("stage", "option"), [("fit", "--verbose"), ("fit", "--return-predictions"), ("predict", "--verbose")]
)
def test_a_stage_refuses_an_option_of_another(in_process: Command, stage: str, option: str) -> None:
    done = in_process(stage, "config.yaml", option)
    assert done.returncode == 2
    assert f"error: lighter {stage} has no option {option}\n" in done.stderr


@pytest.mark.parametrize("command", ["fit", "validate", "test", "predict", "check", "show", "explain", "diff", "eject"])
def test_every_command_names_the_same_inputs_in_its_help(in_process: Command, command: str) -> None:
    text = " ".join(in_process(command, "--help").stdout.replace("│", " ").split())
    assert "WORDS Config files, runs, checkpoints, and overrides such as" in text


MISTAKES = {
    "missing file": (["fit", "confg.yaml"], ["confg.yaml", "config.yaml"]),
    "unparsable YAML": (["fit", "broken.yaml"], ["broken.yaml:3"]),
    "unknown section": (["fit", "config.yaml", "sections.yaml"], ["sections.yaml:1", "trainer"]),
    "mistyped override root": (["fit", "config.yaml", "trainr::max_epochs=3"], ["word 2", "trainer"]),
    "mistyped target": (["fit", "config.yaml", "target.yaml"], ["target.yaml:3", "torch.optim.AdamW"]),
    "mistyped argument": (["fit", "config.yaml", "trainer::max_epoch=3"], ["word 2", "max_epochs"]),
    "no trainer": (["fit", "no_trainer.yaml"], ["trainer"]),
    "missing checkpoint": (["fit", "config.yaml", "--ckpt-path", "nope.ckpt"], ["nope.ckpt", "none.ckpt"]),
    "missing checkpoint in args": (["test", "config.yaml", "args::test::ckpt_path=nope.ckpt"], ["word 2", "none.ckpt"]),
    "best without a run": (["test", "config.yaml", "--ckpt-path", "best"], ["best", "lighter fit"]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_short_message_without_torch(
    lighter: Command, torch_imported: Imported, write: Write, system_config: str, mistake: str
) -> None:
    write("broken.yaml", "trainer:\n  max_epochs: 2\n a: b: c\n")
    write("sections.yaml", "trainr:\n  max_epochs: 2\n")
    write("target.yaml", "system:\n  optimizer:\n    _target_: torch.optim.AdmW\n")
    write("none.ckpt", "")
    words, expected = MISTAKES[mistake]
    done = lighter(*words)
    assert done.returncode == 1
    assert all(text in done.stderr for text in expected), done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 15, done.stderr
    assert done.stdout == ""
    assert not torch_imported()


def test_a_stage_without_words_says_what_to_give(lighter: Command) -> None:
    done = lighter("fit")
    assert done.returncode == 1
    assert "name one: lighter fit config.yaml" in done.stderr


def test_all_mistakes_come_at_once(lighter: Command, system_config: str) -> None:
    done = lighter("fit", "config.yaml", "trainer::max_epoch=3", "system::optimizer::lrr=1")
    assert done.stderr.count("error: ") == 2
    assert "max_epochs" in done.stderr
    assert "lrr" in done.stderr


def test_a_config_comes_from_standard_input(lighter: Command, system_config: str) -> None:
    done = lighter("fit", "-", "trainer::max_epochs=1", stdin=Path(system_config).read_text())
    assert done.returncode == 0, done.stderr


def test_a_failing_constructor_has_its_traceback_and_path(lighter: Command, write: Write, system_config: str) -> None:
    init = "    def __init__(self):\n        raise LookupError('no weights [/here] 100%')\n"
    write("code/models.py", f"import torch\n\nclass Net(torch.nn.Module):\n{init}")
    write("net.yaml", "project: code\nsystem:\n  =model:\n    _target_: project.models.Net\n")
    done = lighter("fit", "config.yaml", "net.yaml")
    assert done.returncode == 1
    assert "LookupError: no weights [/here] 100%" in done.stderr
    assert "models.py" in done.stderr
    assert "raise LookupError" in done.stderr
    assert "system::model" in done.stderr
    assert "net.yaml:4" in done.stderr
    assert "lighter_cli" not in done.stderr
    assert "runner.py" in lighter("fit", "config.yaml", "net.yaml", "--traceback").stderr


def test_an_import_error_in_users_code_shows_their_frame(lighter: Command, write: Write, system_config: str) -> None:
    write("code/models.py", "import a_package_that_is_not_there\nimport torch\n\nclass Net(torch.nn.Module): ...\n")
    write("net.yaml", "project: code\nsystem:\n  =model:\n    _target_: project.models.Net\n")
    done = lighter("fit", "config.yaml", "net.yaml")
    assert done.returncode == 1
    assert "ModuleNotFoundError: No module named 'a_package_that_is_not_there'" in done.stderr
    assert 'models.py", line 1' in done.stderr


def test_options_stand_anywhere_among_the_words(lighter: Command, system_config: str) -> None:
    done = lighter("fit", "--no-weights-only", "config.yaml", "--traceback", "trainer::max_epochs=1")
    assert done.returncode == 0, done.stderr
