"""A part of an experiment is judged by what it holds, never by what another file may bring."""

import pytest

from lighter_config import Finding, Severity, SignatureReader, check, load
from lighter_config.sources.words import StdinSource

READER = SignatureReader(cache_folder=None)


def findings_of(text: str) -> list[Finding]:
    return check(load([StdinSource(text)]), reader=READER, is_fragment=True)


@pytest.mark.parametrize(
    "text",
    [
        "vars: {unused: 1}\n",
        "encoder: {_target_: collections.Counter}\n",
        "trainer: {max_epochs: 3}\n",
        'x: "@base::counter"\ny: "%base::settings"\nz: "%::x"\nw: "$@base::size + 1"\n',
        'x: "%base::settings"\nx::size: 3\n',
        "x: $some_name_that_another_file_imports + 1\n",
        "decoder: {_target_: fractions.Fraction, numerator: 1}\n",
        "decoder: {_target_: functools.partial}\n",
        "x: {_target_: project.networks.Net}\n",
        "dataset: {_target_: collections.Counter}\n",
    ],
)
def test_what_another_file_may_bring_is_not_missed(text: str) -> None:
    assert findings_of(text) == []


@pytest.mark.parametrize(
    ("text", "path", "nearest"),
    [
        ("x: {_target_: collections.Countr}\n", "x::_target_", "collections.Counter"),
        ("x: {_target_: textwrap.TextWrapper, widht: 3}\n", "x::widht", "width"),
        ("args: {fitt: {}}\n", "args::fitt", "fit"),
        ('x: "$1 +"\n', "x", None),
        ('x: "%::y"\ny: "%::x"\n', "x", None),
        ("lightning_module: {_target_: collections.Counter}\n", "lightning_module", "model"),
    ],
)
def test_what_cannot_work_in_any_experiment_is_an_error(text: str, path: str, nearest: str | None) -> None:
    finding = findings_of(text)[0]
    assert (finding.severity, finding.path) == (Severity.ERROR, path)
    assert finding.nearest[:1] == ((nearest,) if nearest else ())


def test_a_key_that_reads_like_a_section_is_a_warning() -> None:
    (finding,) = findings_of("trianer: {max_epochs: 3}\n")
    assert (finding.severity, finding.nearest) == (Severity.WARNING, ("trainer",))
