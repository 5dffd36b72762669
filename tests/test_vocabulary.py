from pytorch_lightning import Trainer

from lighter import Mode
from lighter_config.stages import MODES, Stage


def test_config_and_core_know_the_same_modes() -> None:
    assert tuple(mode.value for mode in Mode) == MODES


def test_every_stage_is_a_method_of_the_trainer() -> None:
    assert all(callable(getattr(Trainer, stage)) for stage in Stage)
