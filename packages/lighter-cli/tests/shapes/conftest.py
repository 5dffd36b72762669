"""Follow described batches in the process of the tests, which imports torch once."""

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from lighter_cli.project import make_importable
from lighter_cli.shapes.fakes import Fakes
from lighter_cli.shapes.following import Followed, follow
from lighter_cli.shapes.weight_files import reading_no_weights
from lighter_config import Stage, load
from lighter_config.project import locate_project

PROJECT = Path(__file__).parent / "project"

Follow = Callable[..., Followed]


@pytest.fixture
def followed() -> Iterator[Follow]:
    fakes, before = Fakes(), list(sys.path)

    def follow_words(*words: Any, stages: Sequence[Stage] = (Stage.FIT, Stage.VALIDATE)) -> Followed:
        config = load([{"project": str(PROJECT)}, *words])
        project = locate_project(config)
        assert project is not None
        make_importable(project)
        return follow(config, stages, fakes, is_safe=False)

    with reading_no_weights(fakes.reading_files):
        yield follow_words
    sys.path[:] = before
    for name in [name for name in sys.modules if name.partition(".")[0] == "project"]:
        del sys.modules[name]


def experiment(model: Any, batch: Any, criterion: Any = "torch.nn.CrossEntropyLoss", **system: Any) -> dict[str, Any]:
    """Return a config; a text stands for a target without arguments, a list for a Sequential."""
    return {
        "trainer": {"_target_": "pytorch_lightning.Trainer"},
        "system": {
            "_target_": "lighter.System",
            "model": {"_target_": "torch.nn.Sequential", "_args_": model} if isinstance(model, list) else model,
            "criterion": {"_target_": criterion} if isinstance(criterion, str) else criterion,
            "optimizer": {"_target_": "torch.optim.SGD", "params": "$@system::model.parameters()", "lr": 0.1},
            "dataloaders": {"train": [], "val": []},
            **system,
        },
        "shapes": batch,
    }


def layer(name: str, **arguments: Any) -> dict[str, Any]:
    """Return a component of ``torch.nn``, or of another place if the name has a dot."""
    return {"_target_": name if "." in name else f"torch.nn.{name}", **arguments}
