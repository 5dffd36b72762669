import pytest

from lighter.callbacks.writers.staging import check_writable, create_staging, discard, publish, remove, staging_of
from lighter.errors import WriterError


def created(target):
    staging = staging_of(target)
    create_staging(staging, target)
    return staging


def test_content_appears_in_the_place_of_what_was_there(tmp_path):
    target = tmp_path / "out"
    for generation in ("a", "b", "c"):
        folder = created(target)
        (folder / "content").write_text(generation)
        publish(folder / "content", target, keep_previous=True)
        remove(folder)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"out": "c", "out.previous": "b"}


@pytest.mark.parametrize("keep_previous", [True, False])
def test_content_that_does_not_move_leaves_what_was_there(tmp_path, keep_previous):
    target = tmp_path / "out"
    target.write_text("earlier")
    with pytest.raises(FileNotFoundError):
        publish(tmp_path / "nothing", target, keep_previous=keep_previous)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert target.read_text() == "earlier"


def test_two_runs_never_share_a_folder(tmp_path):
    folders = {created(tmp_path / "deep" / "out") for _ in range(20)}
    assert len(folders) == 20
    assert {folder.parent for folder in folders} == {tmp_path / "deep"}
    for folder in folders:
        remove(folder)
        remove(folder)  # one that is gone is fine
    assert list((tmp_path / "deep").iterdir()) == []


def test_a_discarded_folder_is_gone_for_every_rank(tmp_path):
    folder = created(tmp_path / "out")
    (folder / "content").mkdir()
    (folder / "content" / "sample").write_text("")
    discard(folder)
    discard(folder)  # the next rank
    assert list(tmp_path.iterdir()) == []


def test_a_path_below_a_file_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WriterError, match="is a file"):
        check_writable(tmp_path / "file" / "a" / "b", where="here")
    with pytest.raises(WriterError, match="cannot be written"):
        created(tmp_path / "file" / "a")
    check_writable(tmp_path / "new" / "a" / "b", where="here")
    assert not (tmp_path / "new").exists()


def test_a_directory_without_permission_cannot_be_written(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: False)  # who runs the tests may be allowed everything
    with pytest.raises(WriterError, match="no permission"):
        check_writable(tmp_path / "out", where="here")
