"""Which keys name a secret, and which text under them is one."""

import pytest

from lighter_config.tree.credentials import MASK, is_credential, is_secret, without_passwords


@pytest.mark.parametrize(
    "key",
    [
        *("api_key", "apikey", "API_KEY", "apiKey", "neptune_api_key", "api_keys", "access_key", "private_key"),
        *("token", "hf_token", "HF_TOKEN", "auth_token", "accessToken", "api_tokens", "use_auth_token", "user_token"),
        *("password", "db_password", "passwd", "passphrase", "secret", "client_secret", "secrets", "secret_key"),
        *("db_pwd", "Authorization", "AWS_SECRET_ACCESS_KEY", "ssh_key"),
    ],
)
def test_a_key_that_names_a_secret(key: str) -> None:
    assert is_credential(key)


@pytest.mark.parametrize(
    "key",
    [
        *("num_tokens", "max_tokens", "tokens", "tokenizer", "tokenizer_name", "token_dim", "token_type", "tokenize"),
        *("pad_token", "eos_token", "mask_token", "special_tokens", "additional_special_tokens", "stop_token"),
        *(
            "key",
            "keys",
            "keyword",
            "monkey",
            "cache_key",
            "input_key",
            "key_dim",
            "secretary",
            "compass",
            "pwd",
            "lang_token",
        ),
        *("password_file", "secret_name", "api_key_env", "token_path", "token_ids", "tokens_per_batch", 3, None, True),
    ],
)
def test_a_key_that_names_none(key: object) -> None:
    assert not is_credential(key)


@pytest.mark.parametrize("value", [3, 1.5, True, None, "", "@vars::key", "%vars::key", "$f()", "${KEY}", "[PAD]", MASK])
def test_a_value_that_is_no_secret(value: object) -> None:
    assert not is_secret(value)


def test_text_with_a_backslash_before_a_sign_is_a_secret_too() -> None:
    assert is_secret("abc")
    assert is_secret(r"\$ecret")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://ann:abc@host/x", "https://ann:***@host/x"),
        ("redis://:p@ss@host:6379", "redis://:***@host:6379"),
        ("https://host/x?token=abc&page=2#end", "https://host/x?token=***&page=2#end"),
        ("https://host:8080/a@b", "https://host:8080/a@b"),
        ("https://ann@host/x", "https://ann@host/x"),
        ("a:b@c", "a:b@c"),
        ("https://ann:{password}@host", "https://ann:{password}@host"),
        ('$f"https://ann:{@vars::pw}@host"', '$f"https://ann:{@vars::pw}@host"'),
        ("https://ann:$PASSWORD@host/?token=${TOKEN}", "https://ann:$PASSWORD@host/?token=${TOKEN}"),
    ],
)
def test_an_address_is_shown_without_its_password(text: str, shown: str) -> None:
    assert without_passwords(text) == shown
