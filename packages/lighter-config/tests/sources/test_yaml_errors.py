"""Errors of YAML text: in a user's words, short, at the right place."""

import pytest

from lighter_config import YamlError

ERRORS = {
    "a list that is not closed": ("a: [1, 2\nb: 3\n", "the list in brackets is not closed; it begins at a.yaml:1:4"),
    "a mapping that is not closed": (
        "a: {b: 1\nc: 2\n",
        "the mapping in braces is not closed; it begins at a.yaml:1:4",
    ),
    "a quote that is not closed": ("a: 'x\nb: 1\n", "the text in quotes is not closed; it begins here"),
    "a line between two indentations": ("t:\n  a: 1\n b: 2\n", "this line does not fit the lines before it"),
    "a key among items": ("- 1\nb: 2\n", "this line does not fit the lines before it"),
    "an item between two indentations": ("a:\n    - 1\n   - 2\n", "this line does not fit the lines before it"),
    "text after a quoted value": ("a: 'x' y\n", "text after the end of a value"),
    "text after a list": ("a: [1] b\n", "text after the end of a value"),
    "text after the config": ("{a: 1} b\n", "text after the end of the config"),
    "two colons": ("a: b: c\n", "a second ': ' in this line"),
    "a key below a value": ("a: 1\n  b: 2\n", "a key is not allowed here"),
    "a list in the line of its key": ("a: - 1\n", "an item `- …` is not allowed here"),
    "a line without a colon": ("a: 1\nfoo\nb: 2\n", "this line has no ': ' after its key"),
    "a value that is missing": ("a: [1,,2]\n", "',' where a value is expected"),
    "an unknown escape": ('a: "\\q"\n', "unknown escape \\q in double quotes"),
    "a lone star": ("a: *\n", "* needs a name of letters and digits"),
    "a tab": ("a:\n\tb: 1\n", "a tab is not allowed here"),
    "a rare mistake": ("a: !<x\n", "did not find the expected '>' while scanning a tag"),
    "a control character": ("a: \x01\n", "control characters are not allowed"),
}


@pytest.mark.parametrize(("text", "message"), ERRORS.values(), ids=ERRORS)
def test_yaml_errors_are_in_the_words_of_a_user(load_texts, text, message):
    with pytest.raises(YamlError) as caught:
        load_texts(text)
    (finding,) = caught.value.findings
    assert finding.message == f"not YAML: {message}"
    assert len(finding.message) <= 80
    assert finding.place is not None


def test_a_line_that_does_not_fit_names_the_block_it_may_belong_to(load_texts):
    with pytest.raises(YamlError) as caught:
        load_texts("trainer:\n  a: 1\n b: 2\n")
    assert caught.value.findings[0].expected == ("a key of the mapping that begins at a.yaml:1:1",)


def test_excerpt_of_a_file_hides_secrets(load_texts):
    with pytest.raises(YamlError, match="'api_key' is given twice") as caught:
        load_texts("logger:\n  api_key: hush-hush  # mine\n  api_key: more-hush\n")
    assert caught.value.findings[0].excerpt == "api_key: <secret not recorded>"
