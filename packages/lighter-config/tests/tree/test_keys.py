"""docs/reference/config-language.md, rules 3.4 and 4.4 to 4.7: keys that say more than a name."""

import pytest

from lighter_config.errors import PathError
from lighter_config.tree.keys import SpecialKey, special_key

SPECIAL = {
    "=callbacks": SpecialKey("=", ("callbacks",), legacy=False),
    "~callbacks::1": SpecialKey("~", ("callbacks", 1), legacy=False),
    "model::depth": SpecialKey("", ("model", "depth"), legacy=False),
    "system#model": SpecialKey("", ("system", "model"), legacy=True),
    "=system#model": SpecialKey("=", ("system", "model"), legacy=True),
    r"\~k": SpecialKey("", ("~k",), legacy=False),
    r"a\::b": SpecialKey("", ("a::b",), legacy=False),
}


@pytest.mark.parametrize(("key", "expected"), SPECIAL.items())
def test_operators_paths_and_escapes_are_special(key: str, expected: SpecialKey) -> None:
    assert special_key(key) == expected


@pytest.mark.parametrize("key", ["lr", "+", "a:b", "C#", "#fff", "a=b", "a~", "=", "~", "\\", 0, 1.5, True, None])
def test_a_plain_name_and_what_is_no_text_are_ordinary(key: object) -> None:
    assert special_key(key) is None


@pytest.mark.parametrize("key", ["a::", "~::a", "=a::::b"])
def test_a_path_with_an_empty_segment_is_an_error(key: str) -> None:
    with pytest.raises(PathError):
        special_key(key)
