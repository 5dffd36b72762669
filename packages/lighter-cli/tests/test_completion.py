"""Completion: what can follow, and how it arrives in real shells."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from lighter_cli import Runner
from lighter_cli.app import app
from lighter_cli.completion import candidates
from lighter_cli.completion.shells import in_bash

Command = Callable[..., subprocess.CompletedProcess[str]]
Write = Callable[[str, str], Path]

sys.path.append(str(Path(__file__).parent))
from terminal_session import TerminalSession  # noqa: E402

sys.path.pop()


def follow(*words: str) -> list[str]:
    """Complete the last word."""
    return candidates(app, words, len(words) - 1)


def test_commands_are_completed_and_after_a_dash_options() -> None:
    assert {"fit ", "init ", "runs "} <= set(follow(""))
    assert not any(word.startswith("-") for word in follow(""))
    assert follow("fi") == ["fit "]
    assert "--install-completion " in follow("--")


def test_options_follow_that_are_not_given_yet() -> None:
    assert follow("fit", "--") == [
        "--allow ",
        "--ckpt-path ",
        "--help ",
        "--name ",
        "--no-check ",
        "--no-weights-only ",
        "--note ",
        "--safe ",
        "--slurm ",
        "--tag ",
        "--traceback ",
        "--weights-only ",
    ]
    assert follow("fit", "--no-weights-only", "--w") == []
    assert follow("fit", "--no-c") == ["--no-check "]


def test_values_of_options_follow() -> None:
    assert follow("check", "--stage", "") == ["fit ", "predict ", "test ", "validate "]
    assert follow("check", "--stage=p") == ["--stage=predict "]
    assert follow("check", "--format", "j") == ["json "]
    assert follow("init", "--template", "") == ["digits ", "module ", "system "]
    Path("a.ckpt").touch()
    Path("a.yaml").touch()
    assert follow("test", "a.yaml", "--ckpt_path", "") == ["a.ckpt ", "best ", "last "]


def test_config_files_follow_and_folders_that_may_hold_some() -> None:
    for name in ("a.yaml", "b.yml", "c.ckpt", "d.txt", ".e.yaml"):
        Path(name).touch()
    Path("more/inner").mkdir(parents=True)
    Path("more/f.yaml").touch()
    assert follow("fit", "") == ["a.yaml ", "b.yml ", "c.ckpt ", "more/"]
    assert follow("fit", ".") == [".e.yaml "]
    assert follow("schema", "") == follow("fit", "")
    assert follow("fit", "more/") == ["more/f.yaml ", "more/inner/"]
    assert follow("migrate", "") == ["a.yaml ", "b.yml ", "more/"]
    assert follow("init", "") == ["more/"]
    assert follow("fit", "nowhere/") == []


def test_the_last_file_of_a_comma_list_is_completed() -> None:
    Path("a.yaml").touch()
    Path("b.yaml").touch()
    assert follow("fit", "a.yaml,b") == ["a.yaml,b.yaml "]


def test_nothing_follows_where_nothing_is_known() -> None:
    assert follow("describe", "torch") == []
    assert follow("fit", "trainer::ma") == []
    assert follow("fit", "--nothing=", "--nothing=a") == []
    assert follow("show", "--nothing", "--st") == ["--stage "]


def test_paths_follow_a_file_and_what_the_target_takes(system_config: str) -> None:
    assert follow("fit", system_config, "trainer::max_e") == ["trainer::max_epochs="]
    assert follow("fit", system_config, "trainer::prof") == ["trainer::profiler="]
    assert follow("fit", system_config, "system::optimizer::m") == [
        "system::optimizer::maximize=",
        "system::optimizer::momentum=",
    ]
    assert follow("fit", system_config, "system::o") == ["system::on_nan=", "system::optimizer::"]
    assert follow("fit", system_config, "trainer::callbacks::") == ["trainer::callbacks::0::"]
    assert "trainer::callbacks::0::save_top_k=" in follow("fit", system_config, "trainer::callbacks::0::s")
    assert "system::metrics::test::Accuracy::num_classes=" in follow(
        "fit", system_config, "system::metrics::test::Accuracy::n"
    )
    assert follow("fit", system_config, "vars::num_samples::") == []


def test_replacing_and_deleting_words_keep_their_sign(system_config: str) -> None:
    assert follow("fit", system_config, "=trainer::max_e") == ["=trainer::max_epochs="]
    assert follow("fit", system_config, "~trainer::call") == ["~trainer::callbacks ", "~trainer::callbacks::"]
    assert follow("fit", system_config, "~trainer::prof") == []


def test_arguments_of_a_stage_follow(system_config: str) -> None:
    assert "args::fit::ckpt_path=" in follow("fit", system_config, "args::fit::x=1", "args::fit::")
    assert not {"args::fit::self=", "args::fit::model="} & set(
        follow("fit", system_config, "args::fit::x=1", "args::fit::")
    )


def test_values_follow_that_the_annotation_counts_out(system_config: str, write: Write) -> None:
    assert follow("fit", system_config, "trainer::logger=") == [
        "trainer::logger=false ",
        "trainer::logger=null ",
        "trainer::logger=true ",
    ]
    assert follow("fit", system_config, "system::optimizer::nesterov=t") == ["system::optimizer::nesterov=true "]
    write("mine.yaml", "my_own: {shuffle: true}")
    assert follow("show", "mine.yaml", "my_own::shuffle=") == ["my_own::shuffle=false ", "my_own::shuffle=true "]
    assert "system::metrics::val::Accuracy::task=multiclass " in follow(
        "fit", system_config, "system::metrics::val::Accuracy::task="
    )


def test_a_mistake_in_other_words_hides_nothing(system_config: str) -> None:
    assert follow("fit", system_config, "trainer::max_epochs=[", "trainer::max_e") == ["trainer::max_epochs="]
    assert follow("fit", "-", system_config, "--traceback", "trainer::max_e") == ["trainer::max_epochs="]


def test_a_path_of_the_users_own_code_is_known(module_config: str) -> None:
    assert follow("fit", module_config, "model::network::") != []


def test_each_side_of_diff_has_its_own_paths(system_config: str, write: Write) -> None:
    write("mine.yaml", "my_own: 1")
    assert follow("diff", system_config, "--against", "mine.yaml", "my") == ["my_own="]
    assert follow("diff", system_config, "--against", "mine.yaml", "trainer::max_e") == []


def test_a_sweep_is_offered_overrides_and_dimensions(system_config: str) -> None:
    assert follow("sweep", system_config, "vars::batch_size:=1,2", "trainer::max_e") == [
        "trainer::max_epochs:=",
        "trainer::max_epochs=",
    ]
    assert follow("fit", system_config, "trainer::max_e") == ["trainer::max_epochs="]


def test_the_section_of_a_sweep_has_its_keys_and_the_paths_of_the_config(system_config: str) -> None:
    assert {"sweep::over=", "sweep::trials=", "sweep::where="} <= set(follow("sweep", system_config, "sweep::"))
    for section in ("over", "repeat"):
        path = f"sweep::{section}::trainer::max_epochs"
        assert follow("sweep", system_config, path[:-4]) == [f"{path}="]
    assert follow("sweep", system_config, "sweep::over::swee") == []


def test_explain_completes_its_path_from_files_after_it(system_config: str) -> None:
    assert candidates(app, ["explain", "trainer::max_e", system_config], 1) == ["trainer::max_epochs "]
    assert follow("explain", "trainer::max_epochs", system_config, "trainer::max_e") == ["trainer::max_epochs="]


def test_runs_are_named_by_their_ids(system_config: str) -> None:
    assert follow("runs", "show", "") == ["last "]
    assert follow("runs", "") == [
        "best ", "compare ", "diff ", "list ", "note ", "plot ", "prune ", "remove ", "restore ", "show ", "tag ",
    ]  # fmt: skip
    Runner().run("fit", [system_config, "trainer::max_epochs=1"])
    (record,) = Path("lighter_runs").iterdir()
    assert follow("runs", "show", record.name[:8]) == [f"{record.name} "]
    assert follow("runs", "diff", "last", record.name[:8]) == [f"{record.name} "]
    assert follow("runs", "compare", "last", "last", record.name[:8]) == [f"{record.name} "]
    assert follow("runs", "remove", "last", record.name[:8]) == [f"{record.name} "]
    assert follow("runs", "prune", record.name[:8]) == []
    assert follow("runs", "compare", "--l") == ["--last "]
    assert follow("runs", "compare", "--metric", "val/l") == ["val/loss/epoch "]
    assert follow("runs", "prune", "--k") == ["--keep "]
    for command in ("test", "export", "show"):
        assert follow(command, record.name[:8]) == [f"{record.name} "]
        assert f"{record.name} " not in follow(command, "")
    assert follow("fit", record.name, "trainer::max_ep") == ["trainer::max_epochs="]


def test_bash_gets_what_stands_behind_its_own_word_breaks() -> None:
    breaks = " \t\n\"'@><=;|&(:"
    asked = []

    def complete(words: list[str], index: int) -> list[str]:
        asked.append((list(words), index))
        return ["a b::c=d "]

    assert in_bash(complete, breaks, "X=1 lighter fit 'two words' a\\ b::", "") == ["c=d "]
    assert in_bash(complete, " ", "lighter fit a", "") == ["a\\ b::c=d "]
    assert in_bash(complete, breaks, "lighter fit 'a b", "") == ["a b::c=d"]
    assert in_bash(lambda *_: ["it's $(x) "], breaks, "lighter fit 'i", "") == [r"it'\''s $(x)"]
    assert in_bash(lambda *_: ['a"$(x)`!\\ '], breaks, 'lighter fit "a', "") == [r"a\"\$(x)\`\!\\"]
    assert in_bash(complete, breaks, "lighter explain a", "bc more.yaml") == ["a\\ b::c=d "]
    assert asked == [
        (["fit", "two words", "a b::"], 2),
        (["fit", "a"], 1),
        (["fit", "a b"], 1),
        (["explain", "a", "more.yaml"], 1),
    ]


def test_a_shell_is_answered_without_torch_or_errors(
    lighter: Command, torch_imported: Callable[[], bool], system_config: str
) -> None:
    done = lighter("--complete", "zsh", "2", "fit", system_config, "trainer::max_e")
    assert (done.returncode, done.stdout, done.stderr) == (0, "trainer::max_epochs=\n", "")
    assert not torch_imported()
    done = lighter("--complete", "zsh", "x")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# what is typed before and after the tab key, and the arguments that the command then gets
KEYS = [
    ("lighter fi", "", "<fit>"),
    ("lighter fit conf", "", "<fit><config.yaml>"),
    ("lighter fit config.yaml trainer::max_epo", "7", "<fit><config.yaml><trainer::max_epochs=7>"),
    ("lighter fit config.yaml system::opt", "lr=1", "<fit><config.yaml><system::optimizer::lr=1>"),
    (
        "lighter fit config.yaml system::optimizer::nesterov=t",
        "-",
        "<fit><config.yaml><system::optimizer::nesterov=true><->",
    ),
    ("lighter fit config.yaml '~trainer::callb", "'", "<fit><config.yaml><~trainer::callbacks>"),
    ("lighter check --stage pre", "x", "<check><--stage><predict><x>"),
    ("lighter show two", "", "<show><two words.yaml>"),
]
SHELLS = {"bash": ["bash", "--norc", "--noprofile"], "zsh": ["zsh", "-f"], "fish": ["fish", "--private", "-N"]}


@pytest.fixture
def prompt(request: pytest.FixtureRequest, tmp_path: Path, system_config: str) -> Iterator[TerminalSession]:
    """A shell with the script, and a `lighter` that completes but otherwise only says what it was given."""
    shell = request.param
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    shutil.copy(system_config, "two words.yaml")
    command = tmp_path / "bin" / "lighter"
    command.parent.mkdir()
    command.write_text(
        f'#!/bin/sh\n[ "$1" = --complete ] && exec "{sys.executable}" -m lighter_cli "$@"\n'
        "printf '<%s>' \"$@\"; echo ' given'\n"
    )
    command.chmod(0o755)
    script = files("lighter_cli.completion") / "scripts" / f"lighter.{shell}"
    path = f"{command.parent}{os.pathsep}{os.environ['PATH']}"
    with TerminalSession(SHELLS[shell], PATH=path, HOME=str(tmp_path), PS1="> ") as session:
        if shell == "zsh":
            session.type("autoload -U compinit; compinit -u -D\n")
        session.type(f"source '{script}'; echo read''y\n")
        session.wait_for("ready")
        yield session


@pytest.mark.parametrize("prompt", SHELLS, indirect=True)
def test_the_tab_key_completes_in_a_real_shell(prompt: TerminalSession) -> None:
    for before, after, given in KEYS:
        prompt.type(f"{before}\t{after}\n")
        assert f"{given} given" in prompt.wait_for(" given")


def test_only_the_script_is_written_where_the_shell_looks(
    in_process: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SHELL", "/bin/bash")
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    Path(".bashrc").write_text("# mine")
    for _ in range(2):
        done = in_process("--install-completion")
        file = tmp_path / ".local/share/bash-completion/completions/lighter"
        assert done.returncode == 0, done.stderr
        assert str(file) in done.stdout
        assert f'source "{file}"' in done.stdout
        assert "complete -o nospace -F _lighter lighter" in file.read_text()
    assert Path(".bashrc").read_text() == "# mine"
    assert in_process("--install-completion", "fish").returncode == 0
    assert (tmp_path / ".config/fish/completions/lighter.fish").exists()
    assert "after `compinit`" in in_process("--install-completion", "zsh").stdout


@pytest.mark.parametrize(("shell", "said"), [("/bin/tcsh", "unknown shell 'tcsh'"), ("", "$SHELL is not set")])
def test_an_unknown_shell_is_one_message(
    in_process: Command, monkeypatch: pytest.MonkeyPatch, shell: str, said: str
) -> None:
    monkeypatch.setenv("SHELL", shell)
    done = in_process("--install-completion")
    assert done.returncode == 1
    assert said in done.stderr
    assert "lighter --install-completion bash" in done.stderr


def test_named_item_of_a_list_is_completed_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "exp.yaml").write_text("callbacks: [{a: 1}, {_name_: early, patience: 3}]\n")
    assert "callbacks::early::" in candidates(app, ["fit", "exp.yaml", "callbacks::"], 2)
    assert candidates(app, ["fit", "exp.yaml", "callbacks::early::pa"], 2) == ["callbacks::early::patience="]
