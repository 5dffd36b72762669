"""What users can name changes only together with a sentence that tells them."""

import difflib
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parent


@pytest.fixture
def public_api() -> ModuleType:
    specification = importlib.util.spec_from_file_location("public_api", HERE / "public_api.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_public_interface_is_the_recorded_one(public_api: ModuleType) -> None:
    _, recorded = public_api.read_record()
    difference = "\n".join(difflib.unified_diff(recorded, public_api.describe(), "recorded", "now", lineterm="", n=0))
    assert not difference, (
        f"{difference}\nthe public interface changed; when that is meant, write a file in changelog.d and run"
        " python tests/public_api.py changelog.d/THAT-FILE.md"
    )


def test_the_last_change_of_the_interface_is_announced(public_api: ModuleType) -> None:
    announced, _ = public_api.read_record()
    assert announced
    assert announced in public_api.announcements()


def test_a_change_needs_its_own_announcement(
    public_api: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, folder = tmp_path / "record.txt", tmp_path / "changelog.d"
    folder.mkdir()
    entry = folder / "one.changed.md"
    entry.write_text("`load` takes one more argument.\n")
    record.write_text("announced: `load` takes one more argument.\n\nlighter_config.load()\n")
    monkeypatch.setattr(public_api, "RECORD_FILE", record)
    monkeypatch.setattr(public_api, "CHANGELOG", folder)
    monkeypatch.setattr(public_api, "describe", lambda: ["lighter_config.load(words)"])
    assert "name the file" in public_api.main([])
    assert "name the file" in public_api.main([str(HERE / "public_api.py")])
    assert "announced the change before this one" in public_api.main([str(entry)])
    entry.write_text("`load` takes two more arguments.\n")
    assert public_api.main([str(entry)]) is None
    assert "nothing to record" in public_api.main([str(entry)])
