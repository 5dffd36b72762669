"""Which values are secrets, and the mask that takes their place in a record."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from typing import Any

from lighter_config.errors import ConfigError
from lighter_config.findings import Finding
from lighter_config.places import Place
from lighter_config.tree.references import is_computed, is_copy, is_interpolation

MASK = "<secret not recorded>"
"""What a record has in the place of a secret; what follows it is the rest of an address without its password."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_SECRET_WORDS = frozenset(
    "password passwords passwd passphrase secret secrets apikey authorization".split()  # noqa: SIM905
)
_KINDS_OF_KEYS = frozenset("api access private secret auth account encryption signing license licence ssh".split())  # noqa: SIM905
_KINDS_OF_TOKENS = frozenset("api access auth bearer refresh hf".split())  # noqa: SIM905
_NOT_THE_SECRET = frozenset(
    (  # noqa: SIM905
        "file filename path dir directory folder env variable var name field column type kind length len size dim dims "
        "count index id ids pattern regex mode policy embedding embeddings"
    ).split()
)
_OF_VOCABULARIES = frozenset(
    (  # noqa: SIM905
        "pad padding mask bos eos cls sep unk unknown start end stop begin boundary special additional extra next "
        "first last class image img video audio text word sub null blank empty space decoder encoder prompt prefix "
        "suffix separator split delimiter query register distillation patch visual vision position context target "
        "source src tgt input output ignore per num max min total new forced global local control assistant system "
        "placeholder initializer trigger concept instance lang language task newline eot sot question answer tool"
    ).split()
)
_MARKUP = re.compile(r"\[.*\]|<.*>|\{.*\}", re.DOTALL)
_PASSWORD_IN_ADDRESS = re.compile(r"(?<=://)([^\s/?#:@]*:)([^\s/?#]+)(?=@)")
_QUERY = re.compile(r"([?&]([\w.-]+)=)([^&#\s]+)")
_KEY_AND_VALUE = re.compile(r"""((?:[^\s=:,{}\[\]'"]|::)+)["']?\s*(=|:(?!:))\s*(?=\S)""")
_END_IN_YAML = re.compile(r"\s+#|[,}\]]")
_MIN_LENGTH_IN_TEXT = 4
_FROM_ELSEWHERE = re.compile(r"\$.*|.*\{.*\}.*|\*+")


@lru_cache(maxsize=10_000)
def is_credential(key: Any) -> bool:
    """Return whether a key names a secret.

    >>> [is_credential(key) for key in ("api_key", "apiKey", "HF_TOKEN", "db_password", "client_secret")]
    [True, True, True, True, True]
    >>> [is_credential(key) for key in ("tokenizer", "num_tokens", "pad_token", "token_dim", "key", "secret_file")]
    [False, False, False, False, False, False]
    """
    words = [word.lower() for word in _WORD.findall(key)] if isinstance(key, str) else []
    if not words or words[-1] in _NOT_THE_SECRET:
        return False
    if not _SECRET_WORDS.isdisjoint(words):
        return True
    before, last = frozenset(words[:-1]), words[-1]
    if last == "token":
        return _OF_VOCABULARIES.isdisjoint(before)
    if last == "pwd":
        return bool(before)  # alone it is the working directory
    if last == "tokens":
        return not _KINDS_OF_TOKENS.isdisjoint(before)
    return any(word in ("key", "keys") and kind in _KINDS_OF_KEYS for kind, word in pairwise(words))


def is_secret(value: Any) -> bool:
    """Return whether the value of a credential's key is the secret itself: text that is not read from elsewhere.

    >>> [is_secret(value) for value in ("abc", "$os.environ['KEY']", "@vars::key", 3, True, "", "[PAD]")]
    [True, False, False, False, False, False, False]
    """
    if not isinstance(value, str) or not value or is_masked(value):
        return False
    is_read = is_computed(value) or is_copy(value) or is_interpolation(value)
    return not is_read and _MARKUP.fullmatch(value) is None


def is_masked(value: Any) -> bool:
    """Return whether a value is the mask of a record, not a secret."""
    return isinstance(value, str) and value.startswith(MASK)


def without_passwords(text: str) -> str:
    """Return text without the passwords in its addresses.

    >>> without_passwords("postgres://ann:abc@host/runs?api_key=def&page=2")
    'postgres://ann:***@host/runs?api_key=***&page=2'
    """
    pieces, end = [], 0
    for start, stop in _passwords(text):
        pieces += [text[end:start], "***"]
        end = stop
    return "".join([*pieces, text[end:]])


def passwords_in(text: str) -> list[str]:
    """Return the passwords in the addresses of a text.

    >>> passwords_in("postgres://ann:abc@host"), passwords_in("postgres://ann:{password}@host")
    (['abc'], [])
    """
    return [text[start:stop] for start, stop in _passwords(text)]


def _passwords(text: str) -> list[tuple[int, int]]:
    if "://" not in text:
        return []
    found = [match.span(2) for match in _PASSWORD_IN_ADDRESS.finditer(text)]
    found += [match.span(3) for match in _QUERY.finditer(text) if is_credential(match[2])]
    return [span for span in sorted(found) if not _FROM_ELSEWHERE.fullmatch(text[slice(*span)])]


def without_secrets(text: str) -> str:
    """Return an argument, or a line of a config, without passwords and without values of keys that name secrets.

    >>> without_secrets("trainer::logger::api_key=abc"), without_secrets("logger: {token: abc, name: digits}")
    ('trainer::logger::api_key=<secret not recorded>', 'logger: {token: <secret not recorded>, name: digits}')
    """
    pieces, end = [], 0
    for start, stop in _values_of_credentials(text):
        pieces += [text[end:start], MASK]
        end = stop
    return without_passwords("".join([*pieces, text[end:]]))


@contextmanager
def hidden_secrets() -> Iterator[None]:
    """Hide the secrets in the findings of errors that are raised inside: the logs of jobs keep what is printed."""
    try:
        yield
    except ConfigError as error:
        error.findings = tuple(map(_without_secrets, error.findings))
        error.args = error.findings
        raise


def _without_secrets(finding: Finding) -> Finding:
    """Return a finding without the secrets in the text that it quotes; message and fix may quote parts of it."""
    secrets = {finding.excerpt[start:stop].strip("'\"") for start, stop in _values_of_credentials(finding.excerpt)}

    def hide(text: str) -> str:
        for secret in sorted(filter(None, secrets), key=len, reverse=True):
            text = text.replace(f"={secret}", f"={MASK}").replace(repr(secret), repr(MASK))
            text = text.replace(secret, MASK) if len(secret) >= _MIN_LENGTH_IN_TEXT else text
        return without_passwords(text)

    return replace(
        finding, message=hide(finding.message), excerpt=without_secrets(finding.excerpt), fix=hide(finding.fix)
    )


def _values_of_credentials(text: str) -> Iterator[tuple[int, int]]:
    """Yield where the values of keys that name secrets are, as far as text shows it that may not be YAML."""
    position = 0
    while match := _KEY_AND_VALUE.search(text, position):
        start = position = match.end()
        if (
            not any(map(is_credential, re.split(r"::|[./#]", match[1])))
            or text[start] in "$@%*"
            or text.startswith(MASK, start)
        ):
            continue
        stop = len(text)
        if text[start] in "'\"":
            closing = text.find(text[start], start + 1)
            stop = closing + 1 if closing > 0 else stop
        elif match[2] == ":" and (ending := _END_IN_YAML.search(text, start + 1)):
            stop = ending.start()
        yield start, stop
        position = stop


def how_to_give(path: str) -> str:
    """Say how to give the secret at a path."""
    return f"read it from the environment: '{path}=$os.environ[\"{_variable(path)}\"]'"


def missing_secret(path: str, place: Place | None, excerpt: str) -> Finding:
    """Say that a record does not hold the secret at a path."""
    return Finding(
        message=f"{path} holds only a mask: the record of a run keeps no secrets",
        path=path,
        place=place,
        excerpt=excerpt,
        expected=("its value, as an argument or from the environment",),
        fix=f"add {path}=VALUE, or {how_to_give(path)}",
    )


def _variable(path: str) -> str:
    """Return a name for the environment variable of a secret.

    >>> _variable("trainer::logger::api_key"), _variable("vars::keys::0")
    ('API_KEY', 'KEYS')
    """
    names = [segment for segment in path.split("::") if not segment.lstrip("-").isdigit()]
    return re.sub(r"\W+", "_", names[-1]).upper() if names else "SECRET"
