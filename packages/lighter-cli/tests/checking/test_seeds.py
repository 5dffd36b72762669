import pytest

from lighter_cli.checking.seeds import find_seed
from lighter_cli.errors import SeedError
from lighter_config import load


def test_the_config_wins_over_the_variable_then_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_seed(load([{}])) == 0
    monkeypatch.setenv("PL_GLOBAL_SEED", "7")
    assert find_seed(load([{}])) == 7
    assert find_seed(load([{}, "seed=3"])) == 3
    assert find_seed(load([{"vars": {"fold": 2}}, "seed=$@vars::fold * 10"])) == 20


@pytest.mark.parametrize("word", ["seed=abc", "seed=-4", "seed=1.5", "seed=true", "seed=4294967296"])
def test_what_is_no_seed_is_named_with_its_place(word: str) -> None:
    with pytest.raises(SeedError) as caught:
        find_seed(load([{}, word]))
    (finding,) = caught.value.findings
    assert str(finding.place).endswith(", argument 2")
    assert finding.expected == ("an integer from 0 to 4294967295",)


def test_what_is_no_seed_in_the_variable_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PL_GLOBAL_SEED", "abc")
    with pytest.raises(SeedError, match="environment variable PL_GLOBAL_SEED"):
        find_seed(load([{}]))


@pytest.mark.parametrize(
    ("seed", "fix"),
    [
        (
            "$os.environ.get('NOWHERE', '3')",
            "write `\"$int(os.environ.get('NOWHERE', '3'))\"`: the expression gives text",
        ),
        ("@vars::seed", 'write `"$int(@vars::seed)"`: the reference gives text'),
        ("3", "write 3 without quotes"),
        ("many", ""),
        (1e3, "write 1000"),
    ],
)
def test_text_or_float_in_place_of_a_seed_says_how_to_write_it(seed: object, fix: str) -> None:
    with pytest.raises(SeedError) as caught:
        find_seed(load([{"vars": {"seed": "3"}, "seed": seed}]))
    (finding,) = caught.value.findings
    assert finding.fix == fix
    if fix.startswith("write `"):
        written = fix.removeprefix('write `"').partition('"`')[0]
        assert find_seed(load([{"vars": {"seed": "3"}, "seed": written}])) == 3
