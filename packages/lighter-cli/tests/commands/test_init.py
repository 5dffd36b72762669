import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from lighter_cli import Runner, installed_from

Command = Callable[..., subprocess.CompletedProcess[str]]


def test_a_folder_that_holds_something_stays_as_it_is(in_process: Command) -> None:
    Path("mine").mkdir()
    for name in ("a.txt", "b.txt", "c.txt", "d.txt"):
        Path("mine", name).touch()
    done = in_process("init", "mine")
    assert done.returncode == 1
    assert "the folder 'mine' is not empty: it holds a.txt, b.txt, c.txt and 1 more" in done.stderr
    assert "lighter init my_experiment" in done.stderr
    assert len(list(Path("mine").iterdir())) == 4


def test_an_empty_folder_is_filled(in_process: Command) -> None:
    Path("empty").mkdir()
    assert in_process("init", "empty").returncode == 0
    assert Path("empty/config.yaml").exists()


def test_a_file_is_not_written_over(in_process: Command) -> None:
    Path("mine").write_text("text")
    done = in_process("init", "mine")
    assert done.returncode == 1
    assert "'mine' must be a folder, is a file" in done.stderr
    assert Path("mine").read_text() == "text"


def test_a_folder_below_a_file_is_one_message(in_process: Command) -> None:
    Path("mine").write_text("text")
    done = in_process("init", "mine/new")
    assert done.returncode == 1
    assert "error: mine/new cannot be written: " in done.stderr
    assert "Traceback" not in done.stderr


def test_mistyped_template_names_the_nearest_and_makes_nothing(in_process: Command) -> None:
    done = in_process("init", "new", "--template", "modul")
    assert done.returncode == 2
    assert done.stderr.startswith("error: invalid value 'modul' for --template\n")
    assert "  nearest            module\n" in done.stderr
    assert not Path("new").exists()


def test_a_template_without_its_option_is_said(in_process: Command) -> None:
    for word in ("system", "sytem"):
        done = in_process("init", "new", word)
        assert done.returncode == 2
        assert done.stderr.startswith(f"error: lighter init has no second argument, got {word!r}\n")
        assert "  to fix             write --template system, or see lighter init --help\n" in done.stderr
    assert not Path("new").exists()


def test_the_closing_lines_lead_into_the_folder(in_process: Command) -> None:
    lines = in_process("init", "two words").stdout.splitlines()
    assert lines == [
        "two words is ready. Next:",
        "  cd 'two words'",
        "  pip install -r requirements.txt",
        "  lighter fit config.yaml",
        "  pytest",
    ]
    Path("empty").mkdir()
    os.chdir("empty")
    assert "cd " not in in_process("init", ".").stdout


def test_torch_is_not_imported(lighter: Command, torch_imported: Callable[[], bool]) -> None:
    assert lighter("init", "new").returncode == 0
    assert not torch_imported()


def test_requirements_install_lighter_from_where_it_is_installed(in_process: Command) -> None:
    assert in_process("init", "new").returncode == 0
    lines = Path("new/requirements.txt").read_text().splitlines()
    assert lines[:3] == installed_from.requirements()
    for line, name in zip(lines, ("lighter-config", "lighter-core", "lighter-cli"), strict=False):
        if line.startswith("-e "):  # as in a checkout
            assert f'name = "{name}"' in Path(line[3:].strip('"'), "pyproject.toml").read_text()
        else:
            assert line.startswith((f"{name} @ ", f"{name}=="))
    assert lines[3:] == ["pytest", "scikit-learn"]


def test_two_runs_of_a_template_have_folders_of_their_own(in_process: Command) -> None:
    assert in_process("init", "new", "--template", "system").returncode == 0
    os.chdir("new")
    for _ in range(2):
        Runner().run("fit", ["config.yaml", "trainer::max_epochs=1", "trainer::accelerator=cpu"])
    saved = sorted(Path("outputs").rglob("*.ckpt"))
    assert len(saved) == 4
    assert len({file.parent for file in saved}) == 2
