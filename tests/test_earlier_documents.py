"""Every block of the documents that described Lighter's earlier generations passes the check and runs.

`earlier_documents/blocks` holds a file for each block, and `earlier_documents/experiment` completes them.
`earlier_documents/README.md` names each block and where its form differs.
"""

import ast
import csv
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from lighter_cli import Runner
from lighter_cli.app import app
from lighter_cli.migration import migrate
from lighter_config import Finding, Severity, SignatureReader, check, load

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/migration/from-earlier-versions.md"
FOLDER = Path(__file__).parent / "earlier_documents"
BLOCKS = sorted(str(file.relative_to(FOLDER / "blocks")) for file in (FOLDER / "blocks").glob("*/*"))
TESTED: set[str] = set()

Run = Callable[..., str]
RunBlock = Callable[[str], list[str]]
Check = Callable[[Sequence[str]], list[Finding]]

pytestmark = [
    pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty"),
    pytest.mark.filterwarnings("ignore:The dirpath has changed"),
    pytest.mark.filterwarnings("ignore:.*AMP with fp16 is not supported on CPU"),
    pytest.mark.filterwarnings("ignore:You defined a `validation_step` but have no `val_dataloader`"),
    pytest.mark.filterwarnings("ignore:.*This DataLoader will create 8 worker processes"),  # more than there are cores
]

# a shell expands the words, this function takes them down, and the test runs them in its own process
TAKE_DOWN = r"""
lighter() { printf '%s\0' "PL_GLOBAL_SEED=${PL_GLOBAL_SEED-}" "LIGHTER_DEBUG=${LIGHTER_DEBUG-}" "$@"; printf '\n\0'; }
"""


def shows(*blocks: str) -> Callable[[Any], Any]:
    """Run a test once for each block, and note that it does."""

    def note(test: Any) -> Any:
        TESTED.update(blocks)
        return pytest.mark.parametrize("block", blocks)(test)

    return note


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is read of the libraries once, for all tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _experiment(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(FOLDER / "experiment", tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    sys.path.append(str(tmp_path))  # as a stage does


@pytest.fixture
def lighter(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command as `lighter` does; return what it printed."""

    def run(*words: str) -> str:
        app(list(words), result_action="return_value", exit_on_error=False)
        captured = capsys.readouterr()
        return captured.out + captured.err

    return run


@pytest.fixture
def run_block(lighter: Run, monkeypatch: pytest.MonkeyPatch) -> RunBlock:
    """Run the commands of a block one after the other; return what each printed."""

    def run(block: str) -> list[str]:
        printed = []
        for environment, words in commands_of(block):
            with monkeypatch.context() as patch:
                for name, value in environment.items():
                    patch.setenv(name, value)
                printed.append(lighter(*words))
        return printed

    return run


def commands_of(block: str) -> Iterator[tuple[dict[str, str], list[str]]]:
    """Yield the variables and words of each command of a block, expanded by a shell."""
    program = TAKE_DOWN + (FOLDER / "blocks" / block).read_text()
    shell = subprocess.run(["bash", "-euc", program], capture_output=True, text=True, check=True)
    for command in shell.stdout.split("\0\n\0")[:-1]:
        *variables, seed, debug = reversed(command.split("\0"))
        given = (variable.split("=") for variable in (seed, debug))
        yield {name: value for name, value in given if value}, variables[::-1]


def sources_of(block: str) -> list[str]:
    """Return the words that complete a YAML block to an experiment."""
    shutil.copy(FOLDER / "blocks" / block, "block.yaml")
    is_complete = "_target_: pytorch_lightning.Trainer" in Path("block.yaml").read_text()
    return ["block.yaml"] if is_complete else ["config.yaml", "block.yaml"]


@pytest.fixture(scope="module")
def errors_of(cache: Path) -> Check:
    """Check words, for no stage in particular; what is read of the libraries is kept between tests."""
    experiment = FOLDER / "experiment"
    reader = SignatureReader(search_path=[*sys.path, experiment], project=experiment / "project", cache_folder=cache)

    def errors(words: Sequence[str]) -> list[Finding]:
        return [finding for finding in check(load(words), reader=reader) if finding.severity is Severity.ERROR]

    return errors


def records() -> list[dict[str, Any]]:
    lines = Path(".lighter/runs.jsonl").read_text().splitlines()
    return [json.loads((Path(json.loads(line)["folder"]) / "record.json").read_text()) for line in lines]


def last_checkpoint() -> dict[str, Any]:
    checkpoint: dict[str, Any] = torch.load(records()[-1]["checkpoints"]["last"], weights_only=True)
    return checkpoint


MISTAKEN = "migration/own_callback_as_written.yaml"
NEED_TORCHVISION = ("migration/after.yaml", "reference/data.yaml")
FILES = [block for block in BLOCKS if block.endswith(".yaml") and block not in (MISTAKEN, *NEED_TORCHVISION)]
COMMANDS = [block for block in BLOCKS if block.endswith(".sh")]
CALLBACKS = ["EarlyStopping", "ModelCheckpoint", "LearningRateMonitor", "CsvWriter"]
TRAIN_NOTHING = ("questions/keys_deleted.yaml",)
PLAIN_COMMANDS = [
    "migration/fit.sh",
    "questions/loss_is_nan.sh",
    "questions/slow_training.sh",
    "running/composition.sh",
    "running/debugging.sh",
    "running/finetune.sh",
    "running/less_validation.sh",
    "running/more_workers.sh",
    "running/out_of_memory.sh",
    "running/overrides.sh",
    "running/quick_reference.sh",
]


@shows(*FILES)
def test_a_file_passes_every_check(errors_of: Check, block: str) -> None:
    assert errors_of(sources_of(block)) == []


@shows(*COMMANDS)
def test_the_words_of_a_command_pass_every_check(errors_of: Check, block: str) -> None:
    shutil.copy("config.yaml", "base_config.yaml")
    for _, (_, *words) in commands_of(block):
        assert errors_of(words) == []


@pytest.mark.skipif(importlib.util.find_spec("torchvision") is None, reason="torchvision is not installed")
@shows(*NEED_TORCHVISION)
def test_a_file_with_torchvision_passes_every_check(errors_of: Check, block: str) -> None:
    assert errors_of(sources_of(block)) == []


@shows(MISTAKEN)
def test_the_documents_one_mistake_names_the_right_monitor(errors_of: Check, block: str) -> None:
    (error,) = errors_of(sources_of(block))
    assert "val_loss" in error.message
    assert error.nearest[0] == "val/loss/epoch"


@shows(*FILES)
def test_a_file_runs(lighter: Run, block: str) -> None:
    digits = torch.rand(8, 1, 8, 8), torch.arange(8)
    torch.save(digits, "data/digits.pt")
    words = [*sources_of(block), "trainer::max_epochs=2"]
    if block == "running/arguments.yaml":
        lighter("fit", "config.yaml")  # it names the checkpoint of an earlier run
    lighter("validate" if block in TRAIN_NOTHING else "fit", *words)
    assert records()[-1]["status"] == "finished"


@shows(*PLAIN_COMMANDS)
def test_the_commands_run(run_block: RunBlock, block: str) -> None:
    shutil.copy("config.yaml", "base_config.yaml")
    run_block(block)
    leave_a_record = [words for _, words in commands_of(block) if "fast_dev_run" not in words[-1]]
    assert [(record["stage"], record["status"]) for record in records()] == [
        (stage, "finished") for stage, *_ in leave_a_record
    ]


@pytest.mark.parametrize(
    ("block", "path", "expected"),
    [
        ("questions/callbacks_added.yaml", "trainer::callbacks", [*CALLBACKS, "EarlyStopping"]),
        ("questions/callbacks_replaced.yaml", "trainer::callbacks", ["EarlyStopping"]),
        ("questions/key_deleted.yaml", "trainer::callbacks", None),
        ("questions/item_deleted.yaml", "trainer::callbacks", [CALLBACKS[0], *CALLBACKS[2:]]),
        ("questions/items_deleted.yaml", "trainer::callbacks", [CALLBACKS[0], CALLBACKS[2]]),
        ("questions/keys_deleted.yaml", "system::dataloaders", ["val", "predict"]),
        ("questions/nested_key_deleted.yaml", "system::model", ["_target_", "num_classes"]),
    ],
)
def test_a_file_changes_what_it_says(block: str, path: str, expected: list[str] | None) -> None:
    value = load(sources_of(block)).get(path, None)
    if isinstance(value, list):
        value = [item["_target_"].rpartition(".")[2] for item in value]
    assert (None if value is None else list(value)) == expected


def test_the_three_symbols_share_copy_and_compute() -> None:
    config = load(sources_of("questions/symbols.yaml"))
    system = config.resolve("system")
    assert system.scheduler.optimizer is system.optimizer
    assert config.resolve("system::scheduler::gamma") == 0.002
    parts = [config.resolve(f"system::metrics::{mode}") for mode in ("train", "val")]
    assert type(parts[0]) is type(parts[1])
    assert parts[0] is not parts[1]
    assert load(sources_of("questions/expression.yaml")).resolve("system::optimizer").param_groups[0]["lr"] == 0.002


@shows("questions/resume.sh")
def test_a_resumed_run_goes_on_from_its_checkpoint(run_block: RunBlock, lighter: Run, block: str) -> None:
    lighter("fit", "config.yaml", "trainer::max_epochs=1")
    shutil.copy("checkpoints/last.ckpt", "checkpoint.ckpt")
    run_block(block)
    assert records()[-1]["options"]["ckpt_path"] == "checkpoint.ckpt"
    assert last_checkpoint()["global_step"] == 4  # 32 samples in batches of 16, twice


@shows("running/resume.sh")
def test_last_is_the_checkpoint_of_the_run_before(run_block: RunBlock, block: str) -> None:
    run_block(block)
    assert last_checkpoint()["global_step"] == 8


@shows("running/fit_then_test.sh")
def test_the_best_weights_of_the_run_before_are_tested(run_block: RunBlock, block: str) -> None:
    run_block(block)
    fit, test = records()
    assert test["options"]["ckpt_path"] == fit["checkpoints"]["best"]


@pytest.mark.slow
@shows("questions/several_gpus.sh")
def test_two_processes_train_together(block: str) -> None:
    ((_, words),) = commands_of(block)
    command = [sys.executable, "-m", "lighter_cli", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (record,) = records()
    assert record["status"] == "finished"
    assert last_checkpoint()["global_step"] == 2  # 32 samples, two times 16


@shows("running/gpus.sh")
def test_words_for_gpus_reach_the_trainer_with_their_types(block: str) -> None:
    devices = [load(words).get("trainer::devices") for _, (_, *words) in commands_of(block)]
    assert devices == [[0, 1], -1, 4]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
@pytest.mark.parametrize("devices", ["-1", "[0]", "1"])
def test_gpus_train(lighter: Run, devices: str) -> None:
    lighter(
        "fit", "config.yaml", "trainer::accelerator=gpu", f"trainer::devices={devices}", "trainer::precision=16-mixed"
    )
    assert records()[-1]["status"] == "finished"


@shows("questions/frozen_layers.yaml")
def test_frozen_layers_keep_their_weights(lighter: Run, block: str) -> None:
    words = sources_of(block)
    lighter("fit", *words, "trainer::max_epochs=1")
    one = last_checkpoint()["state_dict"]
    lighter("fit", *words, "trainer::max_epochs=2", "trainer::callbacks::1::dirpath=two")
    two = last_checkpoint()["state_dict"]
    moved = {name for name in one if not torch.equal(one[name], two[name])}
    assert moved == {"network.head.weight", "network.head.bias"}


@shows("questions/own_system.yaml")
def test_an_own_system_changes_a_step(lighter: Run, block: str) -> None:
    for words in (["config.yaml"], sources_of(block)):
        lighter("fit", *words, "system::optimizer::lr=0.0", "trainer::max_epochs=1")
    plain, doubled = (record["metrics"]["train/loss/epoch"] for record in records())
    assert doubled == pytest.approx(2 * plain)


@shows("questions/own_code.yaml")
def test_own_code_needs_no_init_file(lighter: Run, block: str) -> None:
    Path("project/__init__.py").unlink()
    lighter("fit", *sources_of(block))
    assert records()[-1]["status"] == "finished"


@shows("migration/before.yaml", "migration/after_small.yaml")
def test_the_system_trains_as_the_module_it_replaces(lighter: Run, block: str) -> None:
    lighter("fit", *sources_of(block), "trainer::default_root_dir=here", "trainer::max_epochs=2")
    lighter("fit", *sources_of("migration/before.yaml"), "trainer::default_root_dir=before", "trainer::max_epochs=2")
    here, before = (
        torch.load(next(Path(folder).glob("**/*.ckpt")), weights_only=True)["state_dict"]
        for folder in ("here", "before")
    )
    assert len(here) == len(before) == 6
    for one, other in zip(here.values(), before.values(), strict=True):
        assert torch.equal(one, other)


@shows("migration/own_callback.yaml")
def test_an_own_callback_is_called(lighter: Run, block: str) -> None:
    assert "value saw the end of epoch 2" in lighter("fit", *sources_of(block))


@shows("migration/scheduler.yaml")
def test_a_plateau_scheduler_follows_the_validation_loss(lighter: Run, block: str) -> None:
    words = [*sources_of(block), "system::scheduler::patience=0", "system::scheduler::threshold=1000"]
    lighter("fit", *words, "trainer::max_epochs=3", "system::scheduler::threshold_mode=abs")
    (group,) = last_checkpoint()["optimizer_states"][0]["param_groups"]
    assert group["lr"] == 0.01 * 0.5  # no second epoch is better than the first; the third ends after the checkpoint


@shows("running/arguments.yaml")
def test_stages_take_their_arguments_from_the_config(lighter: Run, block: str) -> None:
    words = sources_of(block)
    lighter("fit", "config.yaml")
    for stage in ("validate", "test", "predict"):
        lighter(stage, *words)
    evaluated = records()[1:]
    assert {record["options"]["ckpt_path"] for record in evaluated} == {"checkpoints/best.ckpt"}
    assert evaluated[-1]["options"]["return_predictions"] is True


@shows("running/search.sh")
def test_a_loop_over_learning_rates_leaves_a_run_each(run_block: RunBlock, block: str) -> None:
    run_block(block)
    assert sorted(folder.name for folder in Path("logs").iterdir()) == ["lr_0.001", "lr_0.01", "lr_0.1"]
    assert len({record["metrics"]["train/loss/epoch"] for record in records()}) == 3


@shows("running/cross_validation.sh")
def test_a_loop_over_folds_leaves_a_run_each(run_block: RunBlock, block: str) -> None:
    run_block(block)
    assert sorted(folder.name for folder in Path("logs").iterdir()) == [f"fold_{fold}" for fold in range(1, 6)]
    assert len({record["metrics"]["val/loss/epoch"] for record in records()}) == 5


@shows("running/progressive.sh")
def test_training_goes_on_with_larger_images(run_block: RunBlock, block: str) -> None:
    run_block(block)
    assert [record["options"]["ckpt_path"] is None for record in records()] == [True, False, False]
    assert last_checkpoint()["global_step"] == 12 * 2


@shows("running/compile.sh")
def test_the_network_is_compiled(run_block: RunBlock, monkeypatch: pytest.MonkeyPatch, block: str) -> None:
    calls = []
    compile_network = torch.nn.Module.compile

    def compile_noted(network: torch.nn.Module, **options: object) -> None:
        calls.append(type(network).__name__)
        compile_network(network, backend="eager", **options)  # the default one needs a compiler and half a minute

    monkeypatch.setattr(torch.nn.Module, "compile", compile_noted)
    run_block(block)
    assert calls == ["Classifier"]


@shows("running/fast_run.sh")
def test_a_fast_run_leaves_no_record(run_block: RunBlock, block: str) -> None:
    run_block(block)
    assert not Path(".lighter/runs.jsonl").exists()


@shows("running/environment.sh")
def test_variables_set_the_seed_and_show_debug_messages(run_block: RunBlock, block: str) -> None:
    run_block(block)
    assert [record["seed"] for record in records()] == [42, 0]


@shows("running/stages.sh")
def test_each_stage_does_its_work(run_block: RunBlock, block: str) -> None:
    run_block(block)
    assert "val/loss/epoch" in records()[1]["metrics"]
    with Path("predictions.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 8


@shows("reference/data_small.yaml", "project/models.py")
def test_an_own_module_runs_every_stage(block: str) -> None:
    (config,) = sources_of("reference/data_small.yaml")
    runner = Runner()
    assert runner.run("fit", [config, {"trainer": {"max_epochs": 3}}, "trainer::max_epochs=2"]) is None
    (validated,) = runner.run("validate", [config], ckpt_path="last")
    (tested,) = runner.run("test", [config], ckpt_path="last", verbose=False)
    predictions = runner.run("predict", [config], ckpt_path="last")
    assert set(records()[0]["metrics"]) >= {"train/loss/total/epoch", "train/loss/cross_entropy/epoch"}
    assert {"val/loss/epoch", "val/metrics/MulticlassAccuracy/epoch"} == set(validated)
    assert {"test/metrics/MulticlassAccuracy/epoch"} == set(tested)
    assert torch.cat(predictions).shape == (8, 10)


@pytest.mark.parametrize("file", sorted(ROOT.glob("examples/**/*.yaml")), ids=lambda file: file.parent.name)
def test_migrating_leaves_configs_of_today_alone(file: Path) -> None:
    (result,) = migrate([str(file)])
    assert result.after == result.before
    assert result.findings == ()


def test_every_block_has_a_test_and_a_row_of_the_table() -> None:
    listed = re.findall(r"^\| `([^`|]+)` \|", (FOLDER / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(TESTED)
    assert set(BLOCKS) <= TESTED


def test_every_promise_of_the_page_has_a_test_that_exists() -> None:
    test_of = tomllib.loads((FOLDER / "promises.toml").read_text(encoding="utf-8"))
    promises = PAGE.read_text(encoding="utf-8").rpartition("promise in words")[2]
    assert re.findall(r"^- (.+)\.$", promises, re.MULTILINE) == list(test_of)
    for promise, where in test_of.items():
        file, _, test = where.partition("::")
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert test in names, f"{file} has no {test}, which keeps: {promise}"
