"""Schedules whose rate rises again, that take worse values for better ones, or that rates by layer need."""

import pytest

from lighter_config.stages import Stage

COSINE = """scheduler:
    {{_target_: torch.optim.lr_scheduler.CosineAnnealingLR, optimizer: "@system::optimizer", T_max: {}}}"""

SEQUENTIAL = """
  scheduler:
    _target_: torch.optim.lr_scheduler.SequentialLR
    optimizer: "@system::optimizer"
    milestones: [5]
    schedulers:
      - {{_target_: torch.optim.lr_scheduler.CosineAnnealingLR, optimizer: "@system::optimizer", T_max: {}}}
      - {{_target_: torch.optim.lr_scheduler.CosineAnnealingLR, optimizer: "@system::optimizer", T_max: {}}}
"""
CONFIG = """
trainer: {{_target_: pytorch_lightning.Trainer, {trainer}}}
system:
  _target_: lighter.System
  model: {{_target_: torch.nn.Linear, in_features: 2, out_features: 2}}
  criterion: {{_target_: {criterion}}}
  optimizer: {{_target_: torch.optim.SGD, params: {params}}}
  {scheduler}
"""


@pytest.fixture
def warned(checked):
    """Return what is said of the schedules of a config."""

    def run(
        scheduler="",
        trainer="max_epochs: 10",
        criterion="torch.nn.MSELoss",
        params="$@system::model.parameters()",
        stage=None,
    ):
        text = CONFIG.format(scheduler=scheduler, trainer=trainer, criterion=criterion, params=params)
        return [finding for finding in checked(exp=text, stage=stage) if finding.check == "schedules"]

    return run


def test_cosine_that_ends_before_the_fit_rises_again(warned) -> None:
    (finding,) = warned(COSINE.format(5))
    message = "system::scheduler::T_max is 5: the rate rises again after 5 of 10 epochs"
    assert (finding.message, finding.severity, str(finding.place)) == (message, "warning", "exp.yaml:9:100")
    assert finding.fix.startswith("write T_max: 10, or ")
    assert warned(COSINE.format(5), stage=Stage.VALIDATE) == []


@pytest.mark.parametrize("length", ["9", "10", "100", "'%trainer::max_epochs'", "'$5'"])
def test_cosine_that_lasts_as_long_as_the_fit_is_right(warned, length: str) -> None:
    assert warned(COSINE.format(length)) == []


@pytest.mark.parametrize("trainer", ["max_epochs: -1", "max_steps: 20", "max_epochs: 10, max_steps: 20", ""])
def test_cosine_in_a_fit_of_unknown_length_is_right(warned, trainer: str) -> None:
    assert warned(COSINE.format(5), trainer=trainer.strip() or "devices: 1") == []


def test_a_cosine_by_steps_is_compared_with_the_steps(warned) -> None:
    by_step = "scheduler: {interval: step, " + COSINE.format(50) + "}"
    (finding,) = warned(by_step, trainer="max_steps: 100, max_epochs: -1")
    assert finding.message.endswith("::T_max is 50: the rate rises again after 50 of 100 steps")
    assert warned(by_step) == []
    assert warned(by_step, trainer="max_steps: 50, max_epochs: -1") == []


def test_cosine_after_a_warm_up_gets_the_epochs_that_are_left(warned) -> None:
    assert warned(SEQUENTIAL.format(5, 5), trainer="max_epochs: 10") == []
    first, second = warned(SEQUENTIAL.format(2, 10), trainer="max_epochs: 30")
    assert first.message.endswith("after 2 of 5 epochs")
    assert second.message.endswith("after 10 of 25 epochs")


PLATEAU = "scheduler: {{_target_: torch.optim.lr_scheduler.ReduceLROnPlateau, optimizer: '@system::optimizer'{}}}"


def test_a_plateau_of_a_negative_loss_needs_an_absolute_threshold(warned) -> None:
    loss = "torch.nn.GaussianNLLLoss"
    (finding,) = warned(PLATEAU.format(""), criterion=loss)
    assert finding.message == "system::scheduler takes worse negative values of val/loss/epoch for better ones"
    assert finding.expected == ("threshold_mode: abs, as values of GaussianNLLLoss may be negative",)
    assert finding.fix == "write threshold_mode: abs"
    for given in (", threshold_mode: abs", ", threshold: 0"):
        assert warned(PLATEAU.format(given), criterion=loss) == []
    assert warned(PLATEAU.format("")) == []


def test_rates_by_layer_of_timm_need_a_schedule_of_timm(warned) -> None:
    params = "{_target_: timm.optim.param_groups_layer_decay, model: '@system::model'}"
    (finding,) = warned(COSINE.format(10), params=params)
    assert finding.message == "the rates by layer have no effect: only schedulers of timm use them"
    assert len(warned(params=params)) == 1
    assert warned("scheduler: {_target_: timm.scheduler.CosineLRScheduler}", params=params) == []
    assert warned("scheduler: {_target_: project.Own}", params=params) == []
