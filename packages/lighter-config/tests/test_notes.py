"""What loading says about text that means something in other tools or elsewhere in a config."""

import pytest

from lighter_config import Severity

MEANT = {
    "${vars.name}": '"@vars::name"',
    "${name}": '"@name"',
    "${oc.env:NOPE,default}": "\"$os.environ.get('NOPE', 'default')\"",
    "${oc.env:NOPE}": "\"$os.environ['NOPE']\"",
    "x${oc.env:NOPE,3}": "\"$'x' + os.environ.get('NOPE', '3')\"",
    "${env:DATA}/x": "\"$os.environ['DATA'] + '/x'\"",
    "in/${env:DATA}/x": "\"$'in/' + os.environ['DATA'] + '/x'\"",
    "runs/${vars.name}": "'$f\"runs/{@vars::name}\"'",
    "${vars.name}_${seed}": "'$f\"{@vars::name}_{@seed}\"'",
    "run_@vars::name": "'$f\"run_{@vars::name}\"' for its value",
}

WITH_TYPE = {
    "${oc.env:NOPE,3}": "\"$int(os.environ.get('NOPE', 3))\"",
    "${oc.env:NOPE,0.5}": "\"$float(os.environ.get('NOPE', 0.5))\"",
    "${oc.decode:${oc.env:NOPE,3}}": "\"$int(os.environ.get('NOPE', 3))\"",
    "${oc.env:NOPE,true}": "\"$dict(true=True, false=False)[os.environ.get('NOPE', 'true').lower()]\"",
}


@pytest.mark.parametrize(("text", "written"), (MEANT | WITH_TYPE).items(), ids=MEANT | WITH_TYPE)
def test_reference_inside_text_is_a_warning_with_the_form_to_write(load_texts, text, written):
    (note,) = load_texts(f"vars: {{name: x}}\na: '{text}'\n").notes
    assert (note.severity, str(note.place)) == (Severity.WARNING, "a.yaml:2:4")
    assert note.fix == f"write {written}"


@pytest.mark.parametrize("written", MEANT.values())
def test_form_that_a_warning_writes_gives_the_value(load_texts, monkeypatch, written):
    monkeypatch.setenv("NOPE", "x")
    monkeypatch.setenv("DATA", "x")
    config = load_texts(f"vars: {{name: x}}\nname: x\nseed: x\na: {written.removesuffix(' for its value')}\n")
    assert "x" in config.resolve("a")
    assert config.notes == ()


@pytest.mark.parametrize(("written", "value"), list(zip(WITH_TYPE.values(), (3, 0.5, 3, True), strict=True)))
def test_number_or_truth_from_the_environment_keeps_its_type(load_texts, written, value):
    assert load_texts(f"a: {written}\n").resolve("a") == value


@pytest.mark.parametrize("text", ["me@example.com", "a@b::c", "50% vars", "$vars", "std::vector", "100 %vars"])
def test_text_that_only_looks_like_a_reference_is_no_warning(load_texts, text):
    config = load_texts(
        f"vars: {{name: x}}\na: '\\{text}'\n" if text[0] == "$" else f"vars: {{name: x}}\na: '{text}'\n"
    )
    assert config.notes == ()
