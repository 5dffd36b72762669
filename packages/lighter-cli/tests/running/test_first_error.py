"""An error of a run is not hidden by one that follows from it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lighter_cli import load_experiment

pytestmark = pytest.mark.slow

CALLBACK = """
from pytorch_lightning import Callback

class FailsToCleanUp(Callback):
    def on_train_batch_end(self, *args):
        raise ValueError("the first error")

    def on_exception(self, *args):
        raise OSError("the disk is full\\nand more")
"""
WORDS = ("project=code", "trainer::callbacks+={_target_: project.callbacks.FailsToCleanUp}")


def test_an_error_while_lightning_cleans_up_is_a_note_on_the_first(
    system_config: str, write: Callable[[str, str], Path]
) -> None:
    write("code/callbacks.py", CALLBACK)
    experiment = load_experiment(system_config, *WORDS)
    try:
        raise KeyError("of an earlier cell")  # the context of what follows, but not its first error
    except KeyError:
        with pytest.raises(ValueError, match="the first error") as caught:
            experiment.fit()
    assert "in train, batch 0 of epoch 0" in caught.value.__notes__
    assert "cleaning up after this failed too: OSError: the disk is full" in caught.value.__notes__
