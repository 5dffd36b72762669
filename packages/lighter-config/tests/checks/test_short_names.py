"""Targets without their package: the check names the import path, as code imports it or as the project has it."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from lighter_config import check, load
from lighter_config.findings import Finding
from lighter_config.signatures.answers import short_names


def finding_about(target: str) -> Finding:
    config = load([{"trainer": {"_target_": "collections.Counter"}, "model": {"_target_": target}}])
    (finding,) = (finding for finding in check(config) if finding.path == "model::_target_")
    return finding


@pytest.fixture
def project(tmp_path: Path) -> None:
    (tmp_path / "__lighter__.py").touch()
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / "__init__.py").touch()
    (tmp_path / "nets" / "small.py").write_text("class TinyNet:\n    pass\n")


@pytest.mark.usefixtures("project")
def test_class_of_the_project_is_named_with_its_module():
    assert finding_about("TinyNet").nearest[0] == "project.nets.small.TinyNet"
    assert finding_about("TinyNet").fix == "write project.nets.small.TinyNet"


@pytest.mark.parametrize(
    ("target", "meant"),
    [("Linear", "torch.nn.Linear"), ("nn.Linear", "torch.nn.Linear"), ("optim.SGD", "torch.optim.SGD")],
)
def test_class_of_torch_is_named_with_its_package(target: str, meant: str):
    if find_spec("torch") is None:
        pytest.skip("torch is not installed")
    assert finding_about(target).nearest[0] == meant


def test_name_without_a_dot_is_never_taken_for_a_module():
    assert "linecache" not in finding_about("Lineer").nearest


def test_name_of_another_package_is_not_replaced_by_a_demo(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(short_names, "_FURTHER_PACKAGES", ())  # MONAI has these names where it is installed
    for name in ("UNet", "MeanDice"):
        finding = finding_about(name)
        assert finding.nearest == ()
        assert finding.fix == f"write the full import path, such as monai.networks.nets.{name}"


def test_class_of_a_package_that_is_installed_is_named_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    nets = tmp_path / "site" / "monai" / "networks" / "nets"
    nets.mkdir(parents=True)
    for folder in (nets, nets.parent, nets.parent.parent):
        (folder / "__init__.py").touch()
    (nets / "__init__.py").write_text("from .unet import UNet\n")
    (nets / "unet.py").write_text("class UNet:\n    def __init__(self, channels): ...\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert finding_about("UNet").nearest == ("monai.networks.nets.UNet",)
