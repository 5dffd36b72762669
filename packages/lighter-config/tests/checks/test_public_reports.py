"""What users of other config tools reported as bugs, tried here: the right value, or an error, never silence.

Each name is the report, repository and number. A name with a word in place of the number is a mistake that users of
that tool make often, without one report for it.
"""

from pathlib import Path

import pytest

from lighter_config import ConfigError, Severity, load, to_yaml

VALUES = {
    # name: files, words, path, value
    "hydra-1547: extend a list by an argument": (["tags: [a, b]"], ["tags+=[c, d]"], "tags", ["a", "b", "c", "d"]),
    "omegaconf-442: a later list of references": (
        ["a: 1\nb: 2\nc: 3\nl: ['@a', '@b', '@c']", "l: ['@a', '@c']"],
        [],
        "l",
        [1, 3],
    ),
    "omegaconf-431: a list over a reference": (["x: '@lr'\nlr: 1", "x: [0.1]"], [], "x", [0.1]),
    "omegaconf-598: a value over a reference to itself": (["a: '@a'", "a: ''"], [], "a", ""),
    "omegaconf-781: a reference follows a later file": (
        ["info: {a: a, b: '@info::a'}", "info: {a: b, c: '@info::a'}"],
        [],
        "info",
        {"a": "b", "b": "b", "c": "b"},
    ),
    "omegaconf-184: a mapping over a copy": (
        ["a: {aa: 1, ab: 2}\nb: '%a'", "b: {ba: 1}"],
        [],
        "",
        {"a": {"aa": 1, "ab": 2}, "b": {"aa": 1, "ab": 2, "ba": 1}},
    ),
    "omegaconf-1020: a copy over null": (["t: {rows: 1}\nm: {d: null}", "m: {d: '%t'}"], [], "m::d", {"rows": 1}),
    "lightning-8916: the same target again keeps the arguments": (
        ["d: {_target_: collections.Counter, dir: /data, n: 1}", "d: {_target_: collections.Counter}"],
        [],
        "d",
        {"dir": "/data", "n": 1},
    ),
    "jsonargparse-161: the order of target and arguments": (
        ["d: {a: 1, _target_: collections.Counter}", "d::b: 2"],
        [],
        "d",
        {"a": 1, "b": 2},
    ),
    "lightning-17533: an argument wins over the file before it": (["t: {epochs: 5}"], ["t::epochs=1"], "t::epochs", 1),
    "jsonargparse-103: one argument of a component": (
        ["m: {_target_: collections.Counter, layers: 5, hidden: 122}"],
        ["m::layers=4"],
        "m",
        {"layers": 4, "hidden": 122},
    ),
    "ViP-8: 1e-4": (["lr: 1e-4"], [], "lr", 1e-4),
    "calliope-57: 1e3": (["cap: 1e3"], [], "cap", 1000.0),
    "jsonargparse-67: 1e-5 as an argument": (["lr: null"], ["lr=1e-5"], "lr", 1e-5),
    "sentry-118492: a small number written back": (["lr: 0.00001"], [], "lr", 0.00001),
    "MONAI-5931: references with the same beginning": (
        ["t: {n: 1, n_per: 2}\nx: '$@t::n + @t::n_per + 1'"],
        [],
        "x",
        4,
    ),
    "MONAI-4377: a reference inside a lambda": (["k: 3\nf: '$(lambda a: a * @k)(2)'"], [], "f", 6),
    "MONAI-4079: an address in text": (["mail: me@example.com"], [], "mail", "me@example.com"),
    "mmdetection-6128: a mapping over null": (["g: null", "g: {max_norm: 35}"], [], "g", {"max_norm": 35}),
    "mmcv-494: one item of a list of mappings": (
        ["h: {b: [{n: 80}, {n: 80}]}"],
        ["h::b::0::n=2"],
        "h::b",
        [{"n": 2}, {"n": 80}],
    ),
    "mmcv-968: a mapping keeps its other keys": (["e: {i: 1, x: 5}", "e: {i: 2}"], [], "e", {"i": 2, "x": 5}),
    "hydra-962: a value with %": (["bar: ''"], ["bar=/path/pattern_%r.bin"], "bar", "/path/pattern_%r.bin"),
    "hydra-1074: a value with @": (["bar: ''"], ["bar=example@example.com"], "bar", "example@example.com"),
    "hydra-1577: the name of a checkpoint": (
        ["b: {p: null}"],
        ["b::p=log/r/checkpoints/epoch=999-step=87999.ckpt"],
        "b::p",
        "log/r/checkpoints/epoch=999-step=87999.ckpt",
    ),
    "hydra-938: a value with =": (["foo: {bar: x}"], ["foo::bar=baz=qux"], "foo::bar", "baz=qux"),
    "hydra-2705: a value that is #": (["a: x"], ["a=#"], "a", "#"),
    "hydra-954: digits with _": (["a: x\nb: x"], ["a=1_000", "b=1___0"], "", {"a": 1000, "b": "1___0"}),
    "hydra-913: a key with a dot": (["p: {a: 1, c.x: abc}"], ["p::c.x=aaa"], "p", {"a": 1, "c.x": "aaa"}),
    "hydra-2619: a number as a key": (["k: {1: a, 2: b}"], ["k::1=c"], "k", {1: "c", 2: "b"}),
    "hydra-2674: a key that begins with a number": (["t: {20s_labels: 1, b: 2}"], ["~t::20s_labels"], "t", {"b": 2}),
    "hydra-1208: a mapping with dots as an argument": (
        ["c: {}"],
        ["c={spark.yarn.max: 2}"],
        "c",
        {"spark.yarn.max": 2},
    ),
    "BiblioPixel-753: keys with leading zeros": (["r: {09: a, 020: b}"], [], "r", {9: "a", 20: "b"}),
    "kynema-584: a number with leading zeros": (["max_iterations: 0010"], [], "max_iterations", 10),
    "yq-152: 08": (["hour: 08"], [], "hour", 8),
    "hydra-ws: spaces inside a value": (["a: x"], ["a=one two"], "a", "one two"),
    "hydra-windows: a path with backslashes": (["a: x"], [r"a=C:\temp\new"], "a", r"C:\temp\new"),
}


@pytest.mark.parametrize(("files", "words", "path", "value"), VALUES.values(), ids=VALUES)
def test_reported_case_has_the_right_value_also_when_written_back(load_texts, files, words, path, value):
    config = load_texts(*files, words=tuple(words))
    assert config.resolve(path) == value
    assert load_texts(to_yaml(config)).resolve(path) == value


def test_reported_case_of_a_component_named_twice_is_one_object(load_texts):
    # hydra-1430, hydra-1420
    config = load_texts("child: {_target_: collections.Counter}\na: ['@child', '@child']\nb: '@child'\n")
    first, second = config.resolve("a")
    assert first is second is config.resolve("b")


def test_reported_case_of_bases_that_share_a_variable(load_texts, tmp_path: Path):
    # mmengine-1685
    (tmp_path / "base.yaml").write_text("size: 3\n")
    for name in "xy":
        (tmp_path / f"{name}.yaml").write_text(f"_base_: base.yaml\n{name}: '@size'\n")
    assert load_texts("_base_: [x.yaml, y.yaml]\n").resolve() == {"size": 3, "x": 3, "y": 3}


ERRORS = {
    # name: files, words, what the message has to say
    "hydra-620: a new key": (["a: 1"], ["b=2"], "nothing reads b"),
    "hydra-3318: an argument that only a later file could use": (["b: '@x'"], ["y=2"], "nothing reads y"),
    "sacred-90: a mistyped argument": (["v: {seed: 1}\nu: '@v::seed'"], ["v::sede=2"], "v::seed"),
    "hydra-1724: a file that is a list": (["- a\n- b"], [], "must be a mapping"),
    "lightning-15256: appending to one callback": (
        ["t: {callbacks: {_target_: x}}"],
        ["t::callbacks+={_target_: y}"],
        "+= adds to a list",
    ),
    "MDsim-4: a tuple by a tag of Python": (["b: !!python/tuple [1, 2]"], [], "tag !!python/tuple"),
    "omegaconf-dup: a key given twice": (["a: 1\nb: 2\na: 3"], [], "twice"),
}


@pytest.mark.parametrize(("files", "words", "message"), ERRORS.values(), ids=ERRORS)
def test_reported_mistake_is_an_error_when_loading(load_texts, files, words, message):
    with pytest.raises(ConfigError) as caught:
        load_texts(*files, words=tuple(words))
    assert message in str(caught.value)
    assert caught.value.findings[0].place is not None


FINDINGS = {
    # name: more YAML, words, path, part of the finding, severity
    "lightning-15796: arguments of the class before": (
        "system: {optimizer: {_target_: torch.optim.SGD}}",
        [],
        "system::optimizer::betas",
        "SGD",
        Severity.ERROR,
    ),
    "OpenGait-119: a tuple as text": (
        "system: {optimizer: {=betas: '(0.9, 0.99)'}}",
        [],
        "system::optimizer::betas",
        "(0.9, 0.99)",
        None,
    ),
    "omegaconf-464: a value that must be given": ("trainer: {max_epochs: ...}", [], "trainer::max_epochs", "...", None),
    "waveorder-235: a mistyped setting": (
        "system: {dataloaders: {train: {batchsize: 3}}}",
        [],
        "system::dataloaders::train::batchsize",
        "batch_size",
        Severity.ERROR,
    ),
    "flepiMoP-145: a section that nothing uses": ("interventions: {a: 1}", [], "interventions", "nothing refers", None),
    "norway: no for false": ("trainer: {fast_dev_run: no}", [], "trainer::fast_dev_run", "false", None),
    "lightning-17254: text for a number": ("trainer: {max_epochs: ten}", [], "trainer::max_epochs", "ten", None),
    "jsonargparse-comma: a number with a comma": (
        "",
        ["system::optimizer::lr=1e-3,"],
        "system::optimizer::lr",
        "1e-3,",
        None,
    ),
}


@pytest.mark.parametrize(("more", "words", "path", "part", "severity"), FINDINGS.values(), ids=FINDINGS)
def test_reported_mistake_is_a_finding_of_the_check(checked, system_yaml, more, words, path, part, severity):
    files = {"exp": system_yaml, **({"more": more} if more else {})}
    found = [finding for finding in checked(*words, **files) if finding.path == path]
    assert found
    assert any(part in str(finding) for finding in found)
    assert severity is None or severity in {finding.severity for finding in found}


def test_reported_case_of_an_argument_before_its_file_is_a_warning(tmp_path: Path):
    # lightning-17533
    (tmp_path / "base.yaml").write_text("trainer: {max_epochs: 5}\n")
    (note,) = load(["trainer::max_epochs=1", "base.yaml"]).notes
    assert "no effect" in note.message
