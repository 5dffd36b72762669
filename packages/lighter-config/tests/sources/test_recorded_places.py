"""Places that an earlier run recorded: they stand behind those of the record, where they can be read."""

import json
from pathlib import Path

import pytest

from lighter_config import RECORDED_PLACES, Config, load
from lighter_config.sources.run_folders import RECORD_FILE, RECORDED_CONFIG


def load_run(tmp_path: Path, places: str, *words: str) -> Config:
    run = tmp_path / "run"
    run.mkdir()
    (run / RECORDED_CONFIG).write_text("lr: 0.1\nmodel:\n  widths: [1, 2]\n")
    (run / RECORDED_PLACES).write_text(places)
    (run / RECORD_FILE).write_text("{}")
    return load([str(run), *words])


def test_a_value_of_a_run_is_traced_to_where_it_was_first_set(tmp_path: Path) -> None:
    places = {"lr": ["sweep.yaml:1:1", "base.yaml:1:1"], "model::widths::1": ["base.yaml:3:14"], "gone::x": ["a.yaml"]}
    config = load_run(tmp_path, json.dumps(places), "model::widths::0=3")
    told = str(config.history("lr"))
    assert told.index("config.yaml") < told.index("sweep.yaml:1:1") < told.index("base.yaml:1:1")
    assert "base.yaml:3:14" in str(config.history("model::widths::1"))
    assert "base.yaml" not in str(config.history("model::widths::0"))


DAMAGED = ["not JSON", "[]", "{}", '{"a::": ["x.yaml"]}', '{"lr::below": ["x.yaml"]}', '{"lr": "x.yaml"}', "[" * 9**5]


@pytest.mark.parametrize("places", DAMAGED)
def test_damaged_places_are_none(tmp_path: Path, places: str) -> None:
    config = load_run(tmp_path, places)
    assert config.get("lr") == 0.1
    assert "x.yaml" not in str(config.history("lr"))
