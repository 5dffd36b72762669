"""Words that are read without Cyclopts mean what Cyclopts makes of them; those that leave doubt are left to it."""

import inspect
import os
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from lighter_cli.app import app
from lighter_cli.commands import check, diff, explain, show
from lighter_cli.inspecting.words import arguments_of, command_of
from lighter_cli.terminal import standard_input

NUM_WORDS = int(os.environ.get("LIGHTER_WORDS", "500"))
MODULES = {"check": check, "show": show, "explain": explain, "diff": diff}
FUNCTIONS = {"check": "check_inputs", "show": "show_config", "explain": "explain_value", "diff": "show_differences"}
WORDS = (
    "a.yaml", "b.yaml,c.yaml", "trainer::max_epochs=3", "~trainer::callbacks", "=a::b=-0.1", "lr=-1e-3", "-", "",
    "--stage", "--stage=fit", "fit", "train", "--stage=", "--all-stages", "--each", "--deep", "--shapes", "--safe",
    "--allow", "--allow=a.b", "--verbose", "--strict", "--format", "--format=json", "json", "github", "--json",
    "--resolve", "--blame", "--against", "--against=b.yaml", "--strikt", "--no-strict", "--each=true", "-x", "--", "-1",
    "--help", "-h", "--version", "--STAGE", "FIT", "--all_stages", "---each", "each", "--format=JSON", "-each",
)  # fmt: skip


def by_cyclopts(words: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any] | None:
    """Return what the function of a command gets when Cyclopts reads the words; ``None`` if it does not run it."""
    got: list[dict[str, Any]] = []
    name = words[0]
    function = getattr(MODULES[name], FUNCTIONS[name])
    signature = inspect.signature(function)

    def kept(*args: Any, **kwargs: Any) -> int:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        got.append(dict(bound.arguments))
        return 0

    with monkeypatch.context() as patch:
        patch.setattr(MODULES[name], FUNCTIONS[name], kept)
        try:
            app(standard_input.protect(words), result_action="return_value")
        except (Exception, SystemExit):
            return None
    return plain(got[0]) if got else None


def by_words(words: Sequence[str]) -> dict[str, Any] | None:
    given = arguments_of(words)
    if given is None:
        return None
    function: Callable[..., Any] = getattr(MODULES[words[0]], FUNCTIONS[words[0]])
    bound = inspect.signature(function).bind(**given)
    bound.apply_defaults()
    return plain(dict(bound.arguments))


def plain(arguments: dict[str, Any]) -> dict[str, Any]:
    is_list = {name: isinstance(value, list | tuple) for name, value in arguments.items()}
    return {name: standard_input.restore(value) if is_list[name] else value for name, value in arguments.items()}


@pytest.mark.parametrize("seed", range(4))
def test_words_mean_what_cyclopts_makes_of_them(
    seed: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(seed)
    num_read = 0
    for _ in range(NUM_WORDS):
        words = [chance.choice(list(MODULES)), *chance.choices(WORDS, k=chance.randrange(6))]
        found = by_words(words)
        if found is not None:
            num_read += 1
            assert found == by_cyclopts(words, monkeypatch), words
    capsys.readouterr()
    assert num_read > NUM_WORDS / 10


@pytest.mark.parametrize(
    "words",
    [
        "check a.yaml",
        "check a.yaml b.yaml trainer::max_epochs=3 ~x =y=-1 --stage fit --strict --format=github",
        "check --each a.yaml,b.yaml - --allow a.b --safe --allow c",
        "show a.yaml --resolve --blame --stage test --json",
        "explain trainer::max_epochs a.yaml --json",
        "diff a.yaml lr=1 --against a.yaml lr=2 --json",
        "diff --against b.yaml --json a.yaml",
    ],
)
def test_what_people_write_needs_no_cyclopts(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = by_words(words.split())
    assert found is not None
    assert found == by_cyclopts(words.split(), monkeypatch)


@pytest.mark.parametrize("words", [[], ["fit", "a.yaml"], ["chekc", "a.yaml"], ["check", "a.yaml", "--strikt"]])
def test_other_commands_and_doubts_are_left_to_cyclopts(words: list[str]) -> None:
    assert command_of(words) is None
