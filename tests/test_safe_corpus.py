"""What the examples, the templates and the pages need beside the list of ``--safe``, and why."""

import re
import shutil
from functools import partial
from pathlib import Path

import pytest

from lighter_cli import Runner
from lighter_cli.commands.init import TEMPLATES
from lighter_config import SignatureReader, Stage, check, load
from lighter_config.safety import Allowance, SafetyCheck, listed_targets

ROOT = Path(__file__).parents[1]
TEMPLATE_FOLDER = ROOT / "packages/lighter-cli/src/lighter_cli/templates"

new_reader = partial(SignatureReader, project=Path())
LAMBDA = "--safe refuses a lambda in an expression"
ALLOW = {
    "cross_validation/config.yaml": {"sklearn.datasets.load_digits", "sklearn.model_selection.StratifiedKFold"},
    "diabetes/config.yaml": {"sklearn.datasets.load_diabetes"},
    "digits/config.yaml": {"sklearn.datasets.load_digits"},
    "digits_module/config.yaml": set[str](),
    "from_lightning/config.yaml": {"sklearn.datasets.load_digits"},
    "gan/config.yaml": set[str](),
    "plain_lightning/config.yaml": set[str](),
    "recipe/config.yaml": {"sklearn.datasets.load_digits", "torch.cuda.is_available"},
    "recipe/pretrain.yaml": {"sklearn.datasets.load_digits"},
    "segmentation/config.yaml": set[str](),
    "sweep/config.yaml": {"sklearn.datasets.load_digits"},
    "text/config.yaml": {"project.data.NUM_TOKENS"},
    "tracking/config.yaml": {"sklearn.datasets.load_digits"},
    "transfer/pretrain.yaml": {"sklearn.datasets.load_digits"},
    "transfer/pretrain.yaml,transfer/finetune.yaml": {"sklearn.datasets.load_digits"},
}
"""What each example has to allow: functions of a library that is not on the list, and a computed value of
its own project, of which reading the source does not tell that it is no module or function of elsewhere."""

WITH_LAMBDAS = {"diabetes/config.yaml", "segmentation/config.yaml", "text/config.yaml"}
"""Examples that --safe refuses: a lambda is any code, and belongs into the project there."""

NOT_LISTED = {
    "models.LitDigits": "stands for the user's own code",
    "my_package.module.Class": "stands for the user's own code",
    "torchvision.models.resnet18": "an example of a path on a page about other tools",
    "collections.Counter": "no part of a training",
    "monai.transforms.LoadImaged": "opens files by readers that unpickle",
    "os.system": "what the page on security warns of",
    "optuna.pruners.HyperbandPruner": "Optuna is not on the list",
    "optuna.pruners.PercentilePruner": "Optuna is not on the list",
    "optuna.samplers.TPESampler": "Optuna is not on the list",
    "pytorch_lightning.loggers.MLFlowLogger": "sends data to a server that the config names",
    "pytorch_lightning.loggers.WandbLogger": "sends data to a server",
    "schedulefree.AdamWScheduleFree": "schedulefree is not on the list",
    "timm.scheduler.CosineLRScheduler": "timm is not on the list",
    "sklearn.datasets.load_diabetes": "scikit-learn is not on the list",
    "sklearn.datasets.load_digits": "scikit-learn is not on the list",
}
OF_NO_PACKAGE = ("project.", "src.", "mydata.", "package.", "pkg.", "lighter.LighterSystem", "lighter.callbacks.X")


@pytest.mark.parametrize("files", ALLOW)
def test_an_example_needs_no_more_than_is_named_here(files: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "examples", "examples", ignore=shutil.ignore_patterns("__pycache__", "outputs"))
    monkeypatch.chdir(Path("examples") / files.partition("/")[0])  # where its code is the user's own
    words = [file.partition("/")[2] for file in files.split(",")]
    config = load(words)
    checks = [SafetyCheck(Allowance(tuple(ALLOW[files])))]
    refusals = {one.message for one in check(config, Stage.FIT, reader=new_reader(), checks=checks)}
    assert refusals == ({LAMBDA} if files in WITH_LAMBDAS else set())
    checks = [SafetyCheck(Allowance())]
    refused = check(config, Stage.FIT, reader=new_reader(), checks=checks)
    named = {
        one.message.removeprefix("--safe refuses ").partition(" ")[0].rstrip(",")
        for one in refused
        if one.message != LAMBDA and "_imports_" not in one.path
    }
    assert named == ALLOW[files]


def test_every_example_is_named_here() -> None:
    configs = {str(file.relative_to(ROOT / "examples")) for file in ROOT.glob("examples/*/*.yaml")}
    assert configs == {file for files in ALLOW for file in files.split(",")}


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_needs_no_more_than_is_named_here(template: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(TEMPLATE_FOLDER / template, "new")
    monkeypatch.chdir("new")
    allow = ("sklearn.datasets.load_digits",) if template == "digits" else ()
    refused = check(load(["config.yaml"]), reader=new_reader(), checks=[SafetyCheck(Allowance(allow))])
    assert {one.message for one in refused} == ({LAMBDA} if template == "system" else set())


def test_an_example_trains_with_safe(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sklearn")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    shutil.copytree(ROOT / "examples/digits", "digits", ignore=shutil.ignore_patterns("outputs"))
    words = ["digits/config.yaml", "trainer::fast_dev_run=1", "trainer::enable_progress_bar=false"]
    Runner().run("fit", words, safe=True, allow=["sklearn.datasets.load_digits"])


def test_every_target_of_pages_and_examples_is_listed() -> None:
    files = [*ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md"), *ROOT.glob("examples/**/*.yaml")]
    files += [*TEMPLATE_FOLDER.glob("*/*.yaml"), ROOT / "README.md", *ROOT.glob("packages/*/README.md")]
    named = {name for file in files for name in re.findall(r"_target_: *[\"']?([\w.]+)", file.read_text("utf-8"))}
    own = {name for name in named if name.startswith(OF_NO_PACKAGE)}
    assert named - own - listed_targets() == NOT_LISTED.keys()
