"""Configs of Hydra become experiments that pass the check and train; what has no equivalent is reported."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lighter_cli import Runner
from lighter_cli.checking.checker import Checker
from lighter_cli.migration import Kind, migrate
from lighter_config import Severity, load

Command = Callable[..., subprocess.CompletedProcess[str]]
TEMPLATE = Path(__file__).parent / "hydra"


@pytest.fixture
def _template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder of a project that was made from the Lightning-Hydra template."""
    shutil.copytree(TEMPLATE, tmp_path, dirs_exist_ok=True)
    monkeypatch.syspath_prepend(str(tmp_path))


def migrated(*files: str) -> list[str]:
    """Rewrite files in place, and return what was said, notes of comments left out."""
    results = migrate(list(files))
    for one in results:
        Path(one.name).write_text(one.after)
    findings = [finding for one in results for finding in one.findings]
    return [str(finding) for finding in findings if not finding.message.startswith("this comment")]


def one_file(text: str) -> tuple[dict[object, object], list[str]]:
    """Rewrite one file, and return its tree and what was said."""
    Path("config.yaml").write_text(text)
    said = migrated("config.yaml")
    return load(["config.yaml"]).tree, said


@pytest.mark.usefixtures("_template")
def test_a_project_of_the_template_passes_the_check_and_trains() -> None:
    groups = sorted(str(file) for file in Path("configs").glob("*/*.yaml") if file.parent.name not in ("hydra",))
    files = ["configs/train.yaml", *groups]
    results = migrate(files)
    assert {one.kind for one in results} == {Kind.HYDRA}
    assert not [str(f) for one in results for f in one.findings if f.severity is Severity.WARNING]
    migrated(*files)
    inputs = ["configs/train.yaml", "configs/experiment/wide.yaml"]
    for given in (inputs[:1], inputs):
        errors = [finding for finding in Checker(()).check(given).findings if finding.severity is Severity.ERROR]
        assert [str(error) for error in errors] == []
    runner = Runner()
    runner.run("fit", inputs)
    assert runner.experiment is not None
    trainer = runner.experiment.trainer
    names = [type(callback).__name__ for callback in trainer.callbacks]
    assert {"Timer", "EarlyStopping"} <= set(names)
    assert (trainer.max_epochs, runner.experiment.datamodule.num_features) == (1, 6)
    assert type(trainer.optimizers[0]).__name__ == "Adam"


@pytest.mark.usefixtures("_template")
def test_choice_is_copy_of_its_whole_file_and_its_changes_are_paths() -> None:
    Path("configs/eval.yaml").write_text(
        "defaults:\n- model: linear\n- _self_\n\nmodel:\n  # less\n  optimizer:\n    lr: 0.1\n    betas: [0.5, 0.9]\n"
    )
    migrated("configs/eval.yaml", "configs/model/linear.yaml")
    assert Path("configs/eval.yaml").read_text().splitlines() == [
        'model: "%model/linear.yaml"',
        "# less",
        "model::optimizer:",
        "  lr: 0.1",
        "  =betas: [0.5, 0.9]",
    ]
    tree = load(["configs/eval.yaml"]).expanded().get("model::optimizer")
    assert (tree["lr"], tree["betas"], tree["_mode_"]) == (0.1, [0.5, 0.9], "partial")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("${a.b}", "%a::b"),
        ("${a.c.0}", "%a::c::0"),
        ("${a.c[1]}", "%a::c::1"),
        ("${.near}", "%::near"),
        ("${..a.b}", "%::::a::b"),
        ("run_${a.b}/${a.c[0]}", '$f"run_{@a::b}/{@a::c::0}"'),
        ("${oc.env:USER}", "$os.environ['USER']"),
        ("${oc.env:USER,${a.b}}", "$os.environ.get('USER', f\"{@a::b}\")"),
        ("${oc.env:SEED,3}", "$int(os.environ.get('SEED', 3))"),
        ("${oc.env:LR,1e-3}", "$float(os.environ.get('LR', 0.001))"),
        ("${oc.env:DEBUG,False}", "$dict(true=True, false=False)[os.environ.get('DEBUG', 'false').lower()]"),
        ("${oc.env:RUN,'3'}", "$os.environ.get('RUN', '3')"),
        ("run_${oc.env:RUN,3}", "$f\"run_{os.environ.get('RUN', '3')}\""),
        ("${oc.decode:${oc.env:SEED,3}}", "$int(os.environ.get('SEED', 3))"),
        ("${oc.decode:${oc.env:DEBUG,true}}", "$dict(true=True, false=False)[os.environ.get('DEBUG', 'true').lower()]"),
        ("${eval:'${oc.env:N,2} * 3'}", "$int(os.environ.get('N', 2)) * 3"),
        ("${oc.select:a.z,3}", "%a::z?3"),
        ("${oc.select:a.b}", "%a::b?null"),
        ("x${oc.select:a.b,1}", '$f"x{@{a::b?1}}"'),
        ("${now:%Y-%m-%d}", "$datetime.now().strftime('%Y-%m-%d')"),
        ("${hydra:runtime.cwd}/data", '$f"{os.getcwd()}/data"'),
        ("${eval:'${a.b} * 2'}", "$@a::b * 2"),
        (r"\${a.b}", '$f"${{a.b}}"'),
        ("%plain", "\\%plain"),
        ("@home", "\\@home"),
    ],
)
def test_an_interpolation_becomes_a_reference_or_python(given: str, expected: str) -> None:
    tree, said = one_file(f"hydra: {{}}\na: {{b: 1, c: [1, 2]}}\nnear: 1\nx: {given!r}\n".replace("\\\\", "\\"))
    assert tree["x"] == expected
    assert [one.partition("\n")[0] for one in said] == [
        "`hydra` is removed: runs are recorded in lighter_runs, and the working directory stays"
    ]


def test_what_has_no_equivalent_is_reported_with_its_line(
    in_process: Command, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    Path("config.yaml").write_text(
        "defaults:\n- db: mysql\n- callbacks: [a, b]\n- model: ${name}\n"
        "x: ${my_resolver:1}\ny: {_target_: a.B, _recursive_: false}\n"
        "z: {_target_: hydra.utils.instantiate}\nout: ${hydra:runtime.output_dir}\nhydra: {sweeper: {}}\n"
    )
    assert in_process("migrate", "config.yaml").returncode == 1
    said = caplog.text
    assert "config.yaml is a Hydra config" in said
    for line, message in {
        2: "there is no file db/mysql.yaml beside this one",
        3: "a choice of several files has no equivalent",
        4: "a choice that is computed has no equivalent",
        5: "no equivalent of the resolver `my_resolver`",
        6: "`_recursive_: false` has no equivalent",
        7: "hydra.utils.instantiate belongs to Hydra",
        8: "no equivalent of the resolver `hydra:runtime.output_dir`",
        9: "`hydra` is removed",
    }.items():
        assert message in said
        assert f"config.yaml:{line}:" in said


def test_special_keys_of_components_are_rewritten() -> None:
    tree, said = one_file(
        "a: {_target_: torch.nn.ReLU, _partial_: true, _convert_: all}\n"
        "b: {_target_: torch.nn.ReLU, _partial_: false, _recursive_: true}\n"
        "c: {_target_: hydra.utils.get_class, path: torch.nn.ReLU}\nd: ???\ne: on\nf: 'on'\n"
    )
    assert said == []
    assert tree["a"] == {"_target_": "torch.nn.ReLU", "_mode_": "partial"}
    assert tree["b"] == {"_target_": "torch.nn.ReLU"}
    assert tree["c"] == {"_target_": "torch.nn.ReLU", "_mode_": "callable"}
    assert (tree["d"], tree["e"], tree["f"]) == ("...", True, "on")
    assert "d: ...\n" in Path("config.yaml").read_text()


def test_keys_of_a_package_become_paths() -> None:
    tree, _ = one_file("# @package model.optimizer\n_target_: torch.optim.Adam\n_partial_: true\n")
    assert tree == {"model": {"optimizer": {"_target_": "torch.optim.Adam", "_mode_": "partial"}}}


def test_files_that_are_named_alone_become_the_base() -> None:
    Path("base.yaml").write_text("lr: 0.1\nname: base\n")
    Path("more.yaml").write_text("defaults: [base]\nlr: 0.2\n")
    Path("config.yaml").write_text("defaults:\n- base\n- more\n- _self_\n\n# the name\nname: own\n")
    migrated("config.yaml", "more.yaml")
    assert Path("config.yaml").read_text() == "_base_: [base.yaml, more.yaml]\n\n# the name\nname: own\n"
    assert load(["config.yaml"]).tree == {"lr": 0.2, "name": "own"}


def test_a_base_that_won_over_the_files_own_keys_is_reported() -> None:
    Path("base.yaml").write_text("lr: 0.1\n")
    _, said = one_file("defaults: [_self_, base]\nlr: 0.2\n")
    assert said[0].startswith("base.yaml was read after the keys of this file, which win now\n  config.yaml:1:20")


def test_a_file_at_the_root_replaces_lists() -> None:
    Path("train.yaml").write_text("defaults: [_self_]\ndevices: [0, 1]\nmodel: {widths: [{a: 1}]}\n")
    Path("experiment.yaml").write_text("# @package _global_\ndevices: [1]\nmodel: {widths: [{a: 2}]}\n")
    migrated("train.yaml", "experiment.yaml")
    tree = load(["train.yaml", "experiment.yaml"]).tree
    assert tree == {"devices": [1], "model": {"widths": [{"a": 2}]}}


@pytest.mark.usefixtures("_template")
def test_an_experiment_that_overrides_choices_replaces_them() -> None:
    Path("configs/experiment/wide.yaml").write_text(
        "# @package _global_\n\ndefaults:\n  - override /data: wide\n  - override /trainer: default.yaml\n\n"
        "trainer:\n  max_epochs: 7\n\ndata:\n  batch_size: 2\n"
    )
    files = ["configs/train.yaml", "configs/experiment/wide.yaml"]
    groups = [str(file) for file in Path("configs").glob("*/*.yaml") if file.parent.name not in ("hydra", "experiment")]
    migrated(*files, *groups)
    config = load(files).expanded()
    assert (config.get("data::num_features"), config.get("data::batch_size")) == (6, 2)
    assert (config.get("trainer::max_epochs"), config.get("trainer::devices")) == (7, 1)
    assert [finding for finding in Checker(()).check(files).findings if finding.severity is Severity.ERROR] == []


@pytest.mark.usefixtures("_template")
def test_the_datamodule_of_the_older_template_becomes_data() -> None:
    Path("configs/old.yaml").write_text(
        "defaults:\n- data@datamodule: toy\n\nmodel:\n  _target_: a.B\n  size: ${datamodule.num_features}\n"
    )
    migrated("configs/old.yaml")
    assert load(["configs/old.yaml"]).tree == {
        "data": "%data/toy.yaml",
        "model": {"_target_": "a.B", "size": "%data::num_features"},
    }


@pytest.mark.parametrize("text", ["${oc.decode:${oc.env:SEED}}", "${oc.decode:${oc.env:X,abc}}", "${oc.decode:${a.b}}"])
def test_decoding_without_a_known_type_is_reported(text: str) -> None:
    _, said = one_file(f"hydra: {{}}\na: {{b: 1}}\nx: {text!r}\n")
    (about,) = [one for one in said if "oc.decode" in one]
    assert "int(os.environ['SEED'])" in about


@pytest.mark.parametrize(("value", "expected"), [(None, 3), ("7", 7)])
def test_a_number_from_the_environment_is_a_seed(
    value: str | None, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # as text it passed the check, and fit refused it
    if value is not None:
        monkeypatch.setenv("SEED", value)
    one_file("hydra: {}\nseed: ${oc.env:SEED,3}\n")
    assert load(["config.yaml"]).resolve("seed") == expected


def test_a_truth_value_from_the_environment_is_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    one_file("hydra: {}\nx: ${oc.env:DEBUG,true}\n")
    config = load(["config.yaml"])
    monkeypatch.setenv("DEBUG", "False")
    assert config.resolve("x") is False
