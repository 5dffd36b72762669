"""A release: one version in all files that hold it, and the paragraphs of changelog.d under it in CHANGELOG.md."""

import datetime
import re
from pathlib import Path

import nox

ROOT = Path(__file__).parents[2]
CHANGELOG = ROOT / "CHANGELOG.md"
FRAGMENTS = ROOT / "changelog.d"
KINDS = {"added": "Added", "changed": "Changed", "fixed": "Fixed", "removed": "Removed"}
VERSIONED = [
    ROOT / "pyproject.toml",
    *(ROOT / "packages" / name / "pyproject.toml" for name in ("lighter-config", "lighter-core", "lighter-cli")),
    ROOT / "CITATION.cff",
]


def release_version(session: nox.Session) -> None:
    """Edit the files for the version that is given behind ``--``."""
    if len(session.posargs) != 1 or not re.fullmatch(r"\d+\.\d+\.\d+((a|b|rc)\d+)?", session.posargs[0]):
        session.error("give the new version: uvx nox -s release -- 0.3.0")
    (version,) = session.posargs
    if f"\n## {version} " in CHANGELOG.read_text():
        session.error(f"CHANGELOG.md has {version} already")
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    for file in VERSIONED:
        file.write_text(_with_version(file.read_text(), version, today))
    gathered = _gather(session)
    head, mark, released = CHANGELOG.read_text().partition("\n## ")
    CHANGELOG.write_text(f"{head.rstrip()}\n\n## {version} ({today})\n\n{gathered}{mark}{released}")
    for fragment in _fragments():
        fragment.unlink()
    session.log(f"{version} is written: run `uvx nox -s lock` and `uvx nox`, commit, and tag it v{version}")


def _with_version(text: str, version: str, today: str) -> str:
    text = re.sub(r'(?m)^(version = )".*"$', rf'\g<1>"{version}"', text)
    text = re.sub(r'(?m)^( +"lighter-(?:config|core)==).*?"', rf'\g<1>{version}"', text)  # the siblings of lighter-cli
    text = re.sub(r"(?m)^version: .*$", f"version: {version}", text)
    return re.sub(r"(?m)^date-released: .*$", f"date-released: {today}", text)


def _gather(session: nox.Session) -> str:
    parts = []
    for kind, title in KINDS.items():
        texts = [file.read_text().strip() for file in _fragments() if file.suffixes[-2] == f".{kind}"]
        items = [" ".join(paragraph.split()) for text in texts for paragraph in re.split(r"\n\s*\n", text)]
        if items:
            parts.append(f"### {title}\n\n" + "".join(f"- {item}\n" for item in items))
    if not parts:
        session.error("changelog.d is empty: nothing to release")
    return "\n".join(parts)


def _fragments() -> list[Path]:
    return sorted(file for file in FRAGMENTS.glob("*.*.md") if file.suffixes[-2][1:] in KINDS)
