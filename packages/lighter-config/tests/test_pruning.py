"""docs/reference/config-language.md, rules 8.1 to 8.8, in both layouts."""

import pytest

from lighter_config import Stage, prune

SYSTEM = """
trainer: {_target_: builtins.dict}
system:
  _target_: lighter.System
  model: {_target_: builtins.dict}
  criterion: {_target_: builtins.dict}
  optimizer: {_target_: builtins.dict}
  scheduler: {_target_: builtins.dict}
  dataloaders: {train: {_target_: a}, val: {_target_: b}, test: {_target_: c}, predict: {_target_: d}}
  metrics: {train: [1], val: [2], test: [3]}
  adapters: {train: {x: 1}, val: {x: 2}, test: {x: 3}, predict: {x: 4}}
args: {fit: {ckpt_path: 1}, validate: {}, test: {}, predict: {}}
vars: {a: 1}
"""

KEPT = {
    Stage.FIT: ({"train", "val"}, {"optimizer", "scheduler", "criterion"}),
    Stage.VALIDATE: ({"val"}, {"criterion"}),
    Stage.TEST: ({"test"}, set()),
    Stage.PREDICT: ({"predict"}, set()),
}


@pytest.mark.parametrize("stage", Stage)
def test_system_layout_keeps_what_the_stage_uses(load_texts, stage):
    modes, arguments = KEPT[stage]
    tree = prune(load_texts(SYSTEM), stage).tree
    assert set(tree["system"]["dataloaders"]) == modes
    assert set(tree["system"]["metrics"]) == modes - {"predict"}
    assert set(tree["system"]["adapters"]) == modes
    assert set(tree["system"]) == {"_target_", "model", "dataloaders", "metrics", "adapters"} | arguments
    assert set(tree["args"]) == {stage.value}
    assert tree["vars"] == {"a": 1}


def test_pruned_config_remembers_the_whole_and_its_places(load_texts):
    config = load_texts(SYSTEM, words=("system::model::x=1",))
    pruned = prune(config, "test")
    assert pruned.whole is config
    assert config.whole is config
    assert str(pruned.place("system::model::x")) == "command line, word 2"
    assert config.has("system::optimizer")


def test_copy_of_a_dropped_part_stays_and_the_part_is_not_built(load_texts):
    # rule 8.7: `lighter test` must not open the training data
    text = "system:\n  dataloaders:\n    train: {_target_: builtins.open, file: nowhere}\n    test: '%::train'\n"
    pruned = prune(load_texts(text, words=("system::dataloaders::test={=_target_: builtins.dict}",)), "test")
    assert pruned.tree == {"system": {"dataloaders": {"test": {"_target_": "builtins.dict", "file": "nowhere"}}}}
    assert pruned.resolve("system") == {"dataloaders": {"test": {"file": "nowhere"}}}


def test_part_that_a_kept_part_refers_to_stays(load_texts):
    text = SYSTEM + "trainer::callbacks: [{_target_: builtins.dict, x: '@system::optimizer'}]\n"
    pruned = prune(load_texts(text), "test")
    assert pruned.has("system::optimizer")
    assert not pruned.has("system::scheduler")


def test_what_a_rescued_part_refers_to_stays_too(load_texts):
    text = "system: {optimizer: {s: '@system::scheduler'}, scheduler: {c: 1}, model: {x: '@system::optimizer'}}\n"
    assert prune(load_texts(text), "test").tree == load_texts(text).tree


def test_all_parts_that_one_text_refers_to_stay(load_texts):
    text = (
        "system: {optimizer: {a: '@system::criterion'}, scheduler: {b: '@system::metrics::train'}, criterion: {c: 1},"
        " metrics: {train: [1]}, model: {x: '$[@system::optimizer, @system::scheduler]'}}\n"
    )
    assert prune(load_texts(text), "test").tree == load_texts(text).tree


def test_reference_into_a_dropped_part_keeps_only_what_it_names(load_texts):
    text = """
system:
  dataloaders:
    train:
      _target_: builtins.open
      dataset: {_target_: builtins.open, transform: {_target_: collections.Counter}}
    predict: {transform: '@system::dataloaders::train::dataset::transform'}
"""
    pruned = prune(load_texts(text), "predict")
    assert pruned.has("system::dataloaders::train::dataset::transform")
    assert not pruned.has("system::dataloaders::train::_target_")
    assert pruned.resolve("system::dataloaders") == {"predict": {"transform": {}}}


def test_reference_to_an_ancestor_refers_to_the_pruned_whole(load_texts):
    text = SYSTEM + "x: '@system::dataloaders'\n"
    pruned = prune(load_texts(text), "test")
    assert set(pruned.tree["system"]["dataloaders"]) == {"test"}


def test_reference_through_a_reference_keeps_what_it_leads_to(load_texts):
    text = "alias: '@system::optimizer'\nsystem: {optimizer: {lr: 1}, model: {x: '@alias::lr'}}\n"
    assert prune(load_texts(text), "test").resolve("system::model") == {"x": 1}


MODULE = """
model:
  _target_: {module}
  network: {{_target_: builtins.dict}}
  criterion: 1
  optimizer: 2
  scheduler: 3
  train_metrics: 4
  val_metrics: 5
  test_metrics: 6
data:
  _target_: {data}
  train_dataloader: 1
  val_dataloader: 2
  test_dataloader: 3
  predict_dataloader: 4
  other: 5
"""


@pytest.mark.parametrize(
    ("stage", "model", "data"),
    [
        ("fit", {"criterion", "optimizer", "scheduler", "train_metrics", "val_metrics"}, {"train", "val"}),
        ("validate", {"criterion", "val_metrics"}, {"val"}),
        ("test", {"criterion", "test_metrics"}, {"test"}),
        ("predict", {"criterion"}, {"predict"}),
    ],
)
def test_module_layout_loses_only_what_its_known_classes_do_not_use(load_texts, stage, model, data):
    text = MODULE.format(module="lighter.LighterModule", data="lighter.LighterDataModule")
    tree = prune(load_texts(text), stage).tree
    assert set(tree["model"]) == {"_target_", "network"} | model
    assert set(tree["data"]) == {"_target_", "other"} | {f"{mode}_dataloader" for mode in data}


@pytest.mark.parametrize("target", ["no_such_module.Model", "'@somewhere'", "$dict"])
def test_target_that_is_not_known_loses_nothing(load_texts, target):
    config = load_texts(MODULE.format(module=target, data=target) + "somewhere: builtins.dict\n")
    assert prune(config, "predict").tree == config.tree


def test_argument_that_its_target_requires_stays(tmp_path, load_texts):
    from lighter_config import SignatureReader

    (tmp_path / "mymodels.py").write_text(
        "class System:\n    def __init__(self, model, optimizer, scheduler=None):\n        pass\n"
    )
    config = load_texts(SYSTEM, words=("system::_target_=mymodels.System",))
    pruned = prune(config, "test", SignatureReader(search_path=[tmp_path]))
    assert pruned.has("system::optimizer")
    assert not pruned.has("system::scheduler")


def test_stage_that_does_not_exist_is_an_error(load_texts):
    with pytest.raises(ValueError, match="trian"):
        prune(load_texts(SYSTEM), "trian")
