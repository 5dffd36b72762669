"""The public CI service runs the sessions of the noxfile, all that a change must pass, and nothing else."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
NEVER_THERE = {"lock", "release", "fuzz", "cuda", "findings", "quick"}
"""Sessions for a person: they change files, take long, want a GPU, or run a part of another session."""

NEWEST = "newest-"
"""With what is released today, nothing is pinned: a person reads what moved."""


@pytest.fixture(scope="module")
def workflow() -> dict[str, Any]:
    return yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())


@pytest.fixture(scope="module")
def sessions() -> list[str]:
    command = [sys.executable, "-m", "nox", "--noxfile", str(ROOT / "noxfile.py"), "--list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return re.findall(r"^[*-] (.+?)(?: \[.*\])? -> ", listed, re.MULTILINE)


def _sessions_of(job: dict[str, Any]) -> list[str]:
    """Return the sessions that a job runs, once for each entry of its matrix."""
    (command,) = [step["run"] for step in job["steps"] if "nox" in step.get("run", "")]
    matrix = job.get("strategy", {}).get("matrix", {})
    entries: list[dict[str, str]] = matrix.get("include", [])
    if not entries:
        entries = [{}]
        for name, values in matrix.items():
            entries = [{**entry, name: value} for entry in entries for value in values]
    found = []
    for entry in entries:
        words = command
        for name, value in entry.items():
            words = words.replace(f"${{{{ matrix.{name} }}}}", str(value))
        assert "${{" not in words, f"{words}: not an entry of the matrix"
        assert words.startswith("uvx nox --error-on-missing-interpreters -s "), words
        found += re.findall(r'"([^"]+)"', words.split(" -s ")[1]) or words.split(" -s ")[1].split()
    return found


def test_ci_runs_each_session_once_and_no_other(workflow: dict[str, Any], sessions: list[str]) -> None:
    jobs = [job for name, job in workflow["jobs"].items() if name != "all"]
    run = [session for job in jobs for session in _sessions_of(job)]
    assert sorted(run) == sorted(set(run))
    assert len(sessions) > 30
    # `tests` is the part of `versions` that runs by default
    assert set(run) == {name for name in sessions if not name.startswith(("tests-", NEWEST))} - NEVER_THERE


def test_the_last_job_needs_all_others_to_have_passed(workflow: dict[str, Any]) -> None:
    last = workflow["jobs"]["all"]
    assert set(last["needs"]) == set(workflow["jobs"]) - {"all"}
    assert last["if"] == "always()"
    (step,) = last["steps"]
    assert "contains(needs.*.result, 'failure')" in step["if"]
    assert "contains(needs.*.result, 'cancelled')" in step["if"]
    assert "contains(needs.*.result, 'skipped')" in step["if"]
    assert step["run"] == "exit 1"


def test_every_job_has_a_limit_and_needs_nothing_but_uv(workflow: dict[str, Any]) -> None:
    assert workflow["permissions"] == {"contents": "read"}
    options = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    limit_of_a_test = options["timeout"]
    for name, job in workflow["jobs"].items():
        assert job["runs-on"] == "ubuntu-latest"
        assert job["timeout-minutes"] <= 30, name
        if name == "all":
            continue
        if name not in {"quality", "docs"}:  # they run no test
            assert job["timeout-minutes"] * 60 > limit_of_a_test, name
        used = [step["uses"].split("@")[0] for step in job["steps"] if "uses" in step]
        assert all(re.search(r"@[0-9a-f]{40}$", step["uses"]) for step in job["steps"] if "uses" in step), name
        assert used == ["actions/checkout", "astral-sh/setup-uv"], name
        assert len([step for step in job["steps"] if "run" in step]) == 1, name


def test_an_action_has_the_same_commit_in_every_job(workflow: dict[str, Any]) -> None:
    used = {step["uses"] for job in workflow["jobs"].values() for step in job["steps"] if "uses" in step}
    names = [uses.split("@")[0] for uses in used]
    assert len(names) == len(set(names))
