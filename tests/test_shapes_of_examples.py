"""A described batch raises no alarm about an example or a template, and all of its network is followed."""

import sys
import warnings
from importlib.util import find_spec
from pathlib import Path

import pytest

from lighter_cli.project import make_importable
from lighter_cli.shapes.fakes import Fakes
from lighter_cli.shapes.following import follow
from lighter_cli.shapes.process import followed_stages
from lighter_cli.shapes.weight_files import reading_no_weights
from lighter_config import Stage, load
from lighter_config.project import locate_project, reader_in

ROOT = Path(__file__).parents[1]
TEMPLATES = "packages/lighter-cli/src/lighter_cli/templates"
IMAGES = "shapes::0=64,1,8,8 shapes::1=64:int64"
PIXELS = "shapes::0=32,64 shapes::1=32:int64"
VOLUMES = "shapes::image=4,1,16,16,16 shapes::label=4,1,16,16,16 shapes::name=4:str"
BATCHES = {
    "examples/cross_validation/config.yaml": PIXELS,
    "examples/diabetes/config.yaml": "shapes::0=30,10 shapes::1=30",
    "examples/digits/config.yaml": IMAGES,
    "examples/digits_module/config.yaml": IMAGES,
    "examples/from_lightning/config.yaml": PIXELS,
    "examples/gan/config.yaml": "shapes::0=128,2",
    "examples/plain_lightning/config.yaml": PIXELS,
    "examples/recipe/config.yaml": IMAGES,
    "examples/recipe/pretrain.yaml": IMAGES,
    "examples/segmentation/config.yaml": VOLUMES,
    "examples/sweep/config.yaml": IMAGES,
    "examples/sweep/config.yaml examples/sweep/networks/convolutional.yaml": IMAGES,
    "examples/sweep/config.yaml examples/sweep/networks/dense.yaml": IMAGES,
    "examples/text/config.yaml": "shapes::tokens=32,9:int64 shapes::label=32:int64 shapes::text=32:str",
    "examples/tracking/config.yaml": PIXELS,
    "examples/transfer/pretrain.yaml": IMAGES,
    "examples/transfer/pretrain.yaml examples/transfer/finetune.yaml": IMAGES,
    f"{TEMPLATES}/digits/config.yaml": IMAGES,
    f"{TEMPLATES}/module/config.yaml": "shapes::0=50,2 shapes::1=50",
    f"{TEMPLATES}/system/config.yaml": "shapes::0=50,2 shapes::1=50",
}
WARNS = pytest.mark.filterwarnings("ignore")  # MONAI does, about newer versions of torch and numpy


def test_every_example_and_template_has_a_batch() -> None:
    files = [*ROOT.glob("examples/*/*.yaml"), *ROOT.glob(f"{TEMPLATES}/*/config.yaml")]
    described = {word for words in BATCHES for word in words.split()}
    assert {str(file.relative_to(ROOT)) for file in files} <= described


@pytest.mark.parametrize("words", [pytest.param(one, marks=WARNS if "segmentation" in one else ()) for one in BATCHES])
def test_a_described_batch_raises_no_alarm(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if "segmentation" in words:
        if find_spec("monai") is None:
            pytest.skip("monai is not installed")
        monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # MONAI sets both when it is imported
        monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    elif find_spec("sklearn") is None:
        pytest.skip("sklearn is not installed")
    monkeypatch.setattr(sys, "path", list(sys.path))
    config = load([*(ROOT / word for word in words.split()), *BATCHES[words].split()])
    project = locate_project(config)
    if project is not None:
        make_importable(project)
    stages = followed_stages(config, (), reader_in(project))
    fakes = Fakes()
    with reading_no_weights(fakes.reading_files):
        followed = follow(config, stages, fakes, is_safe=False)
    assert [str(finding) for finding in followed.findings] == []
    assert Stage.FIT in followed.stages
    assert set(followed.stages) <= set(stages)  # a module of Lightning may have only some steps
    assert followed.parameters
