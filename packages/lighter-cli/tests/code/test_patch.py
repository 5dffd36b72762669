"""Patches are those of git: each applies what the other wrote."""

import os
import random
import subprocess
import time
from pathlib import Path

import pytest

from lighter_cli.code.patch import PatchError, addition, masked, parse_patch
from lighter_config import Secrets, load

NAMES = (b"a.py", b"with space.py", b'with\ttab\nand "quote".py', "näme.py".encode(), b"not\xfftext.py", b"d/b.py")
CONTENTS = (b"", b"x", b"x\n", b"x\ny", b"\n\n", b"x\r\ny\r\n", b"\xff\xfe\n", b"-- x\n++ y\n@@ -1 +1 @@\n")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("content", CONTENTS)
def test_git_applies_an_addition(name: bytes, content: bytes) -> None:
    subprocess.run(["git", "apply"], input=addition(name, content), check=True)
    assert Path(os.fsdecode(name)).read_bytes() == content
    (change,) = parse_patch(addition(name, content))
    assert (change.path, change.applied_to(b"")) == (name, content)


def test_changes_of_git_are_applied_as_git_applies_them(git: object, repository: Path) -> None:
    draw = random.Random(0)
    file = repository / "code/models.py"
    before = file.read_bytes()
    for _ in range(30):
        lines = before.splitlines(keepends=True)
        for _ in range(draw.randrange(1, 6)):
            place = draw.randrange(len(lines) + 1)
            lines[place : place + draw.randrange(4)] = [b"new %d\n" % draw.randrange(9)] * draw.randrange(4)
        after = b"".join(lines)[: None if draw.random() < 0.5 else -1]
        file.write_bytes(after)
        patch = subprocess.run(["git", "diff", "HEAD", "--no-renames"], capture_output=True, check=True).stdout
        assert [change.applied_to(before) for change in parse_patch(patch)] == ([after] if patch else [])


def test_masked_context_lines_do_not_change_what_is_restored(repository: Path) -> None:
    file = repository / "code/models.py"
    before = file.read_bytes()
    file.write_bytes(before.replace(b"x5 = 5\n", b"x5 = 6\n"))
    patch = subprocess.run(["git", "diff", "HEAD"], capture_output=True, check=True).stdout
    (change,) = parse_patch(patch.replace(b" x4 = 4", b" hidden"))
    assert change.applied_to(before) == file.read_bytes()


def test_a_patch_of_other_content_is_an_error() -> None:
    (change,) = parse_patch(b"diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -5,1 +5,1 @@\n-x\n+y\n")
    with pytest.raises(PatchError, match="other content"):
        change.applied_to(b"x\n")
    with pytest.raises(PatchError, match="ends too early"):
        parse_patch(b"diff --git a/a.py b/a.py\n@@ -1,2 +1,2 @@\n-x\n")
    with pytest.raises(PatchError, match="names no file"):
        parse_patch(b"diff --git x y\n")


@pytest.mark.parametrize("name", [b"a.py", b"a.yaml"])
def test_long_lines_are_searched_for_secrets_in_little_time(name: bytes) -> None:
    long = b"key: " + b"a1" * 500_000 + b"\n" + b"'token': '" + b"ab-" * 300_000 + b"'\n"
    start = time.process_time()
    masked(addition(name, long), Secrets(load([{"seed": 1}])))
    assert time.process_time() - start < 10  # not hours


@pytest.mark.parametrize(
    ("name", "line", "is_masked"),
    [
        (b"a.py", b'API_KEY = "sk-12345"', True),
        (b"a.py", b'config["hf_token"] = "hf-12345"', True),
        (b"a.py", b"login(password='letmein')", True),
        (b"a.py", b'url = "postgres://ann:letmein@host/runs"', True),
        (b"a.py", b"logger = Logger('key of the config')", True),
        (b"a.py", b'pad_token = "<pad>"', False),
        (b"a.py", b"def login(api_key: str, token=None): ...", False),
        (b"a.py", b'token = os.environ["HF_TOKEN"]', False),
        (b"a.py", b"self.tokenizer = tokenizer", False),
        (b"a.yaml", b"api_key: sk-12345", True),
        (b"a.yaml", b"logger: {password: letmein, name: digits}", True),
        (b"a.yaml", b"api_key: $os.environ['KEY']", False),
    ],
)
def test_secrets_are_masked_and_other_code_is_not(name: bytes, line: bytes, is_masked: bool) -> None:
    secrets = Secrets(load([{"api_key": "key of the config"}]))
    patch = addition(name, line + b"\n")
    assert (masked(patch, secrets) != patch) is is_masked
    for secret in (b"12345", b"letmein", b"key of the config"):
        assert secret not in masked(patch, secrets)
