"""docs/reference/config-language.md, rules 3.1 to 3.6: the text of a path to segments and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lighter_config.errors import PathError
from lighter_config.tree.node import MAX_DEPTH
from lighter_config.tree.paths import format_path, parse_path, split_path

SEGMENTS = {
    "trainer": ("trainer",),
    "trainer::callbacks::0::patience": ("trainer", "callbacks", 0, "patience"),
    "callbacks::-1": ("callbacks", -1),
    "vars::007": ("vars", "007"),
    "vars::1.5": ("vars", "1.5"),
    r"a\::b::c": ("a::b", "c"),
    r"\~k": ("~k",),
    r"\=k::x": ("=k", "x"),
    "system#model#0": ("system", "model", 0),
    r"system\#model": ("system#model",),
    "C#": ("C#",),
    "#fff": ("#fff",),
    "größe::ß": ("größe", "ß"),
}


@pytest.mark.parametrize(("text", "segments"), SEGMENTS.items())
def test_text_splits_into_segments_whose_indices_are_integers(text: str, segments: tuple[object, ...]) -> None:
    assert parse_path(text) == segments


@pytest.mark.parametrize("text", ["", "::a", "a::", "a::::b"])
def test_an_empty_segment_is_an_error_that_quotes_the_path(text: str) -> None:
    with pytest.raises(PathError) as caught:
        parse_path(text)
    assert repr(text) in caught.value.findings[0].message
    assert caught.value.findings[0].fix


def test_only_a_path_with_the_old_separator_is_said_to_be_old() -> None:
    assert split_path("system#model")[1]
    assert not split_path("system::model")[1]
    assert not split_path("C#")[1]


def test_a_path_may_be_as_deep_as_a_config_and_no_deeper() -> None:
    assert len(parse_path("::".join("a" * MAX_DEPTH))) == MAX_DEPTH
    with pytest.raises(PathError, match=str(MAX_DEPTH)):
        parse_path("::".join("a" * (MAX_DEPTH + 1)))


_KEYS = st.from_regex(r"[a-zA-Z~=#:_][\w~=#: .-]{0,6}", fullmatch=True).filter(
    lambda key: not key.startswith(":") and not key.endswith((":", "\\")) and ":::" not in key
)


@given(st.lists(st.one_of(_KEYS, st.integers(-9, 99)), min_size=1, max_size=5))
def test_a_written_path_reads_back_as_the_same_segments(segments: list[str | int]) -> None:
    assert parse_path(format_path(tuple(segments))) == tuple(segments)
