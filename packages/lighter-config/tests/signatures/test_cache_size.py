"""How many answers are kept on the disk."""

import os
from pathlib import Path

from lighter_config import Signature, SignatureReader


def test_only_the_newest_answers_stay_when_old_ones_are_removed(tmp_path: Path) -> None:
    targets = ("json.dumps", "json.loads", "textwrap.dedent", "textwrap.indent")
    for number, target in enumerate(targets):
        before = set(tmp_path.iterdir())
        SignatureReader(cache_folder=tmp_path).read(target)
        for file in set(tmp_path.iterdir()) - before:
            os.utime(file, (number, number))
    newest = set(sorted(tmp_path.iterdir(), key=lambda file: file.stat().st_mtime)[-2:])
    SignatureReader(cache_folder=tmp_path).remove_old_answers(num_kept=2)
    assert set(tmp_path.iterdir()) == newest
    assert isinstance(SignatureReader(cache_folder=tmp_path).read(targets[0]), Signature)


def test_removing_old_answers_needs_no_folder() -> None:
    SignatureReader(cache_folder=None).remove_old_answers()
    SignatureReader(cache_folder=Path("missing")).remove_old_answers()
