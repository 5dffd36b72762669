"""What the check says about secrets and masks."""

from typing import Any

from lighter_config import Severity, check, load
from lighter_config.tree.credentials import MASK


def _about_secrets(config: dict[str, Any]) -> list[tuple[Severity, str]]:
    findings = check(load([config]), is_fragment=True)
    assert "s3cr3t" not in "".join(map(str, findings))
    return [(finding.severity, finding.path) for finding in findings if finding.check == "secrets"]


def test_a_secret_in_the_config_is_a_note() -> None:
    config = {"vars": {"mine": "s3cr3t"}, "logger": {"api_key": "@vars::mine", "token": "s3cr3t-too"}}
    assert sorted(_about_secrets(config)) == [(Severity.NOTE, "logger::token"), (Severity.NOTE, "vars::mine")]


def test_a_mask_that_a_run_needs_is_an_error() -> None:
    assert _about_secrets({"trainer": {"logger": {"api_key": MASK}}}) == [(Severity.ERROR, "trainer::logger::api_key")]


def test_a_mask_that_nothing_builds_is_none() -> None:
    findings = check(load([{"vars": {"mine": MASK}}]))
    assert [finding for finding in findings if finding.check == "secrets"] == []


def test_references_numbers_and_the_environment_are_no_secrets() -> None:
    config = {"api_key": "$os.environ['KEY']", "password": 12345, "token": True, "tokenizer": "gpt2"}
    assert _about_secrets(config) == []
