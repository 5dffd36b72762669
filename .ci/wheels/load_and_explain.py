"""The small job of lighter-config: load two files and a word, explain a value, find a mistake, build an object."""

import importlib.util
import tempfile
from fractions import Fraction
from pathlib import Path

import lighter_config

assert importlib.util.find_spec("torch") is None
with tempfile.TemporaryDirectory() as folder:
    base, other = Path(folder) / "base.yaml", Path(folder) / "other.yaml"
    base.write_text("half:\n  _target_: fractions.Fraction\n  numerator: 1\n  denominator: 3\n")
    other.write_text("half:\n  denominator: 4\n")
    config = lighter_config.load([base, other, "half::denominator=2"])
    places = [str(place) for place in config.chain("half::denominator")]
    assert len(places) == 3, places
    assert places[-1].endswith("base.yaml:4:16"), places
    assert config.resolve("half") == Fraction(1, 2)
    findings = lighter_config.check(lighter_config.load([base, "half::denominatr=2"]))
    assert any("denominatr is not an argument of Fraction" in finding.message for finding in findings), findings
print("lighter-config explained:", " <- ".join(places))
