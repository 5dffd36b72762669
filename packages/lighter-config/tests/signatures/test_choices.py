"""The values that a class takes for an argument, read from what it refuses."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from lighter_config.signatures import SignatureReader

MODULE = """
class Base:
    modes: dict = {"min": 1, "max": 2}
    def __init__(self, mode, kind="a", size=1, other="x"):
        self.mode = mode
        if self.mode not in self.modes:
            raise ValueError(mode)
        self._set(kind)
        if other is not None:
            if other not in ("x", "y"):
                raise ValueError(other)
        if size not in (1, 2):
            raise ValueError(size)
    def _set(self, kind):
        if kind not in {"a", "b"}:
            message = "no"
            raise ValueError(message)
class Derived(Base):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
def function(mode):
    if mode not in ("x",):
        raise ValueError(mode)
"""


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> SignatureReader:
    folder = tmp_path_factory.mktemp("choosing")
    Path(folder / "choosing.py").write_text(MODULE)
    return SignatureReader(search_path=[folder], cache_folder=None)


@pytest.mark.parametrize(
    ("target", "name", "choices"),
    [
        ("choosing.Base", "mode", ("min", "max")),
        ("choosing.Derived", "mode", ("min", "max")),
        ("choosing.Base", "kind", ("a", "b")),
        ("choosing.Base", "size", ()),
        ("choosing.Base", "other", ()),
        ("choosing.Base", "missing", ()),
        ("choosing.function", "mode", ()),
        ("choosing.Nothing", "mode", ()),
    ],
)
def test_choices_are_what_the_source_does_not_refuse(
    reader: SignatureReader, target: str, name: str, choices: tuple[str, ...]
) -> None:
    assert set(reader.choices(target, name)) == set(choices)


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("pytorch_lightning.callbacks.EarlyStopping", "mode"),
        ("pytorch_lightning.callbacks.ModelCheckpoint", "mode"),
        ("torch.optim.lr_scheduler.ReduceLROnPlateau", "mode"),
    ],
)
def test_choices_of_real_classes(target: str, name: str) -> None:
    if find_spec(target.partition(".")[0]) is None:
        pytest.skip(f"{target.partition('.')[0]} is not installed")
    assert set(SignatureReader(cache_folder=None).choices(target, name)) == {"min", "max"}
