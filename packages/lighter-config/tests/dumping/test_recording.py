"""A config as a record keeps it."""

from pathlib import Path
from typing import Any

import pytest

from lighter_config import SecretError, Secrets, as_recorded, load, to_yaml
from lighter_config.tree.credentials import MASK


def _recorded(*inputs: Any, seed: int = 0) -> Any:
    return as_recorded(load(list(inputs)), seed=seed, seed_from="environment variable PL_GLOBAL_SEED")


@pytest.mark.parametrize("config", [{}, {"seed": None}, {"seed": "$__import__('time').time_ns()"}])
def test_a_seed_from_elsewhere_is_written_out(config: dict[str, Any]) -> None:
    assert _recorded(config, seed=5).tree == {"seed": 5}


def test_the_place_of_a_seed_is_what_set_it() -> None:
    assert str(_recorded({}, seed=5).place("seed")) == "environment variable PL_GLOBAL_SEED"


@pytest.mark.parametrize("seed", [5, "@vars::seed", "%vars::seed", "$@vars::seed + 0"])
def test_a_seed_in_the_config_stays_as_it_is_written(seed: Any) -> None:
    assert _recorded({"vars": {"seed": 5}, "seed": seed}, seed=5).tree["seed"] == seed


def test_secrets_are_masked_wherever_they_are() -> None:
    config = {
        "logger": {"_target_": "a.B", "api_key": "one-secret", "password": "x", "name": "one-secret-name"},
        "vars": {"mine": "abc", "more": {"secrets": ["a", {"wandb": "b"}]}},
        "token": "@vars::mine",
        "login": {"token": {"_target_": "a.read", "path": "kept.txt"}},
        "pad_token": "[PAD]",
        "max_tokens": 5,
        "uri": "https://ann:pw@host/x",
    }
    assert _recorded(config).tree == {
        "logger": {"_target_": "a.B", "api_key": MASK, "password": MASK, "name": f"{MASK} ***-name"},
        "vars": {"mine": MASK, "more": {"secrets": [MASK, {"wandb": MASK}]}},
        "token": "@vars::mine",
        "login": {"token": {"_target_": "a.read", "path": "kept.txt"}},
        "pad_token": "[PAD]",
        "max_tokens": 5,
        "uri": f"{MASK} https://ann:***@host/x",
        "seed": 0,
    }


def test_secrets_of_other_files_and_of_changed_copies_are_masked(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("account: {user: ann, password: abcdef}\n")
    main = tmp_path / "main.yaml"
    main.write_text(
        "a: '%other.yaml::account'\na::token: ghijkl\nb: {password: one-more}\nc: '%b'\nc::password: again\n"
    )
    text = to_yaml(_recorded(str(main)), standalone=True)
    assert [secret for secret in ("abcdef", "ghijkl", "one-more", "again") if secret in text] == []
    assert "user: ann" in text


@pytest.mark.parametrize(
    ("word", "masked"),
    [
        ("logger::api_key=abc", f"logger::api_key={MASK}"),
        ("=logger={_target_: a.B, api_key: 'a', n: 1}", f'=logger={{"_target_": "a.B", "api_key": "{MASK}", "n": 1}}'),
        ("logger::name=abc", "logger::name=abc"),
        ("logger::api_key=$os.environ['K']", "logger::api_key=$os.environ['K']"),
        ("logger::uri=https://a:b@c", f"logger::uri={MASK} https://a:***@c"),
        ("~logger::token", "~logger::token"),
    ],
)
def test_an_override_is_masked_and_can_be_read_again(word: str, masked: str) -> None:
    config = load([{"logger": {"token": None, "name": "", "api_key": None}}, word])
    (override,) = Secrets(config).masked.overrides
    assert override == masked
    load([{"logger": {"token": None, "name": "", "api_key": None}}, override])


def test_an_override_that_a_later_one_replaced_is_masked() -> None:
    config = load([{"token": "first-one"}, "token=second-one", "token=third-one", {"token": "fourth-one"}])
    masked = Secrets(config).masked
    assert "-one" not in str(masked.words)
    assert Secrets(config).hidden_in(["first-one", {"a": "second-one"}, 3]) == [MASK, {"a": MASK}, 3]


def test_the_password_of_an_address_is_a_secret_everywhere() -> None:
    secrets = Secrets(
        load([{"uri": "https://ann:abcdef@host", "read": '$f"https://ann:{@uri}@host"', "note": "abcdef"}])
    )
    assert secrets.paths == ("uri",)
    assert secrets.masked.get("note") == MASK
    assert secrets.masked.get("read") == '$f"https://ann:{@uri}@host"'
    assert secrets.hidden_in("refused: abcdef") == f"refused: {MASK}"


def test_a_config_without_secrets_is_recorded_as_it_is() -> None:
    config = load([{"seed": 3, "a": [1, {"b": "@a"}], "name": "test"}])
    assert as_recorded(config, seed=3, seed_from="default")._root is config._root


@pytest.mark.parametrize("text", [MASK, f"{MASK} https://ann:***@host"])
def test_a_mask_is_never_built(text: str) -> None:
    config = load([{"net": {"_target_": "collections.Counter", "api_key": text}}])
    with pytest.raises(SecretError, match="net::api_key holds only a mask: the record of a run keeps no secrets"):
        config.resolve("net")
