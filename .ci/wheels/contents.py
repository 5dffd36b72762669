"""Check the wheels and sdists in a folder: complete, nothing else in them, and metadata that says what must be said.

Run: python .ci/wheels/contents.py dist
"""

import email.parser
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.message import Message
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = {"lighter-config": "lighter_config", "lighter-core": "lighter", "lighter-cli": "lighter_cli"}


def main(folder: Path) -> list[str]:
    """Return what is wrong with the six files, one sentence each."""
    problems = []
    expected = set()
    for package, import_name in PACKAGES.items():
        version = tomllib.loads((ROOT / "packages" / package / "pyproject.toml").read_text())["project"]["version"]
        stem = f"{package.replace('-', '_')}-{version}"
        wheel, sdist = folder / f"{stem}-py3-none-any.whl", folder / f"{stem}.tar.gz"
        expected |= {wheel, sdist}
        for file in (wheel, sdist):
            if not file.is_file():
                problems.append(f"{file.name} was not built")
                continue
            look = look_into_wheel if file is wheel else look_into_sdist
            found = [f"{file.name}: {problem}" for problem in look(file, package, import_name, stem)]
            problems += found
            print(f"{file.name:<40} {file.stat().st_size / 1024:6.0f} KiB  {'complete' if not found else 'see below'}")
    problems += [f"{file.name} should not be there" for file in sorted({*folder.glob("lighter*")} - expected)]
    return problems


def look_into_wheel(file: Path, package: str, import_name: str, stem: str) -> list[str]:
    """Compare a wheel with the tracked sources."""
    information = f"{stem}.dist-info"
    with zipfile.ZipFile(file) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
        metadata = email.parser.Parser().parsestr(archive.read(f"{information}/METADATA").decode())
        entry_points = (
            archive.read(f"{information}/entry_points.txt").decode()
            if f"{information}/entry_points.txt" in names
            else ""
        )
    sources = {f"{import_name}/{name}" for name in tracked(ROOT / "packages" / package / "src" / import_name)}
    installed = {name for name in names if not name.startswith(f"{information}/")}
    problems = [f"{name} is missing" for name in sorted(sources - installed)]
    problems += [f"{name} should not be in it" for name in sorted(installed - sources)]
    if f"{import_name}/py.typed" not in installed:
        problems.append("py.typed is missing, so that type checkers ignore its annotations")
    if f"{information}/licenses/LICENSE" not in names:
        problems.append("the licence is missing")
    if package == "lighter-cli" and "lighter = lighter_cli.main:main" not in entry_points:
        problems.append("the command `lighter` is missing")
    return problems + look_at_metadata(metadata, package)


def look_into_sdist(file: Path, package: str, import_name: str, stem: str) -> list[str]:
    """Look for what is needed to build the wheel again."""
    with tarfile.open(file) as archive:
        names = set(archive.getnames())
    sources = {f"src/{import_name}/{name}" for name in tracked(ROOT / "packages" / package / "src" / import_name)}
    needed = {*sources, "LICENSE", "README.md", "pyproject.toml", "PKG-INFO"}
    return [f"{name} is missing" for name in sorted(needed) if f"{stem}/{name}" not in names]


def look_at_metadata(metadata: Message, package: str) -> list[str]:
    """Compare what the package index will show with what the sources say."""
    project = tomllib.loads((ROOT / "packages" / package / "pyproject.toml").read_text())["project"]
    said = {
        "Name": package,
        "Version": project["version"],
        "Summary": project["description"],
        "Requires-Python": project["requires-python"],
        "License-Expression": "MIT",
        "License-File": "LICENSE",
        "Description-Content-Type": "text/markdown",
    }
    problems = [f"{key} is {metadata[key]!r}, not {value!r}" for key, value in said.items() if metadata[key] != value]
    requirements = metadata.get_all("Requires-Dist", [])
    plain = [line for line in requirements if "extra ==" not in line]
    if len(plain) != len(project["dependencies"]):
        problems.append(f"it requires {plain}, not {project['dependencies']}")
    if package == "lighter-cli":
        siblings = [f"{name}=={project['version']}" for name in PACKAGES if name != package]
        problems += [f"it does not require {line}" for line in siblings if line not in plain]
    if metadata.get_payload() != (ROOT / "packages" / package / "README.md").read_text():
        problems.append("its description is not the README")
    return problems


def tracked(folder: Path) -> list[str]:
    """Return the files below a folder that belong to the project, with those not committed yet."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.splitlines()
    return [name for name in listed if (folder / name).is_file()]


if __name__ == "__main__":
    wrong = main(Path(sys.argv[1]))
    print(*wrong, sep="\n", end="\n" if wrong else "")
    sys.exit(bool(wrong))
