"""Environments of the sessions: what is installed in each, and from where."""

import os
import re
import tempfile
import tomllib
from collections.abc import Iterable
from pathlib import Path

import nox

from nox_steps.pins import read_pins

ROOT = Path(__file__).parents[2]
WORKSPACE_FILE = ROOT / "pyproject.toml"
PYTHONS = nox.project.python_versions(nox.project.load_toml(ROOT / "packages/lighter-cli/pyproject.toml"))
PYTHON = PYTHONS[0]

SIBLINGS = {"lighter-config": [], "lighter-core": [], "lighter-cli": ["lighter-config", "lighter-core"]}
IMPORT_NAMES = {"lighter-config": "lighter_config", "lighter-core": "lighter", "lighter-cli": "lighter_cli"}
ABSENT = {
    "lighter-config": ["torch", "pytorch_lightning", "torchmetrics", "lighter", "lighter_cli", "cyclopts", "rich"],
    "lighter-core": ["lighter_config", "lighter_cli", "sparkwheel", "cyclopts", "rich", "loguru", "pandas"],
    "lighter-cli": ["loguru", "pandas", "omegaconf"],
}
"""What cannot even be found where a package's tests run, so that an import that nobody declared fails there."""

ALSO_TESTED_WITH = {"lighter-cli": ["loggers", "figures"]}
"""Groups of what a package works with and does not require."""


def install_alone(session: nox.Session, package: str, build: str | None) -> None:
    """Install one package for its tests, and show that what it must not import cannot be found there."""
    build = None if package == "lighter-config" else build
    install(session, [package, *SIBLINGS[package]], build=build, groups=["test", *ALSO_TESTED_WITH.get(package, ())])
    found = "; ".join(f"assert importlib.util.find_spec({name!r}) is None, {name!r}" for name in ABSENT[package])
    session.run("python", "-c", f"import importlib.util; {found}")
    if build is not None:
        print_device(session)


def print_device(session: nox.Session) -> bool:
    """Print the torch that is installed and what it runs on; return whether that is a GPU."""
    program = "import torch; print('torch', torch.__version__, 'on', 'GPU' if torch.cuda.is_available() else 'CPU')"
    said = session.run("python", "-c", program, silent=True)
    assert isinstance(said, str)
    session.log(said.strip())
    return said.rstrip().endswith("on GPU")


def empty_environment(session: nox.Session, folder: Path) -> str:
    """Make a new environment with nothing in it; return its Python."""
    session.run("uv", "venv", "--quiet", "--clear", f"--python={session.python}", str(folder), external=True)
    return str(folder / "bin/python")


def install(
    session: nox.Session,
    packages: list[str],
    *,
    build: str | None = None,
    groups: Iterable[str] = (),
    requirements: Iterable[str] = (),
    lowest: bool = False,
    newest: bool = False,
) -> None:
    """Install packages of the workspace from their wheels, and what they need at tracked, lowest or newest versions."""
    temporary = Path(session.create_tmp()).absolute()
    wheels = [build_wheel(session, package, temporary / "wheels") for package in packages]
    arguments = [*wheels, *requirements, *(f"--group={WORKSPACE_FILE}:{group}" for group in groups)]
    if build == "cpu":
        arguments += cpu_torch(session)
    if lowest:
        arguments.append("--resolution=lowest-direct")
        arguments += [pin for pin in read_pins() if re.match(r"(pytest[\w-]*|hypothesis)==", pin)]
    elif newest:
        arguments.append("--upgrade")
    else:
        arguments.append(f"--constraint={constraints(session, build)}")
    # outside the repository: inside it, uv would add the workspace's own pins, that of the CUDA build too
    with session.chdir(tempfile.gettempdir()):
        reinstalled = [f"--reinstall-package={package}" for package in packages]
        session.install(*reinstalled, *arguments)


def constraints(session: nox.Session, build: str | None) -> Path:
    """Write the tracked versions to a file, without those of the CUDA build where another is installed."""
    pinned = [pin for pin in read_pins() if build != "cpu" or not belongs_to_torch_build(pin)]
    file = Path(session.create_tmp()).absolute() / "constraints.txt"
    file.write_text("\n".join(pinned) + "\n")
    return file


def build_wheel(session: nox.Session, package: str, folder: Path) -> str:
    for old in folder.glob(f"{package.replace('-', '_')}-*.whl"):
        old.unlink()
    options = ["--quiet", "--wheel", f"--package={package}", f"--out-dir={folder}"]
    session.run_install("uv", "build", *options, external=True)
    (wheel,) = folder.glob(f"{package.replace('-', '_')}-*.whl")
    extra = "[images]" if package == "lighter-core" else ""
    return f"{package}{extra} @ {wheel.as_uri()}"


def cpu_torch(session: nox.Session) -> list[str]:
    """Say where a CPU build comes from: a wheel in a folder of the environment's, else PyTorch's own index."""
    tag = "cp" + str(session.python).replace(".", "")
    listed = re.split(r"[\s,]+", f"{os.environ.get('UV_FIND_LINKS', '')} {os.environ.get('PIP_FIND_LINKS', '')}")
    for folder in filter(None, listed):
        for wheel in sorted(Path(folder).glob(f"torch-*+cpu-{tag}-{tag}-*.whl"), reverse=True):
            return [f"--find-links={folder}", f"torch=={wheel.name.split('-')[1].removesuffix('+cpu')}"]
    return ["torch", "--torch-backend=cpu"]


def pytest(session: nox.Session, *arguments: str, parallel: bool = False) -> None:
    processes = ["--numprocesses=auto", "--maxprocesses=4", "--dist=loadgroup"] if parallel else []
    session.run("pytest", *processes, *arguments, *session.posargs, env={"OMP_NUM_THREADS": "1"})


def workspace_requirements() -> list[str]:
    """Return what the root needs beyond its members: the libraries that the examples load."""
    listed = tomllib.loads(WORKSPACE_FILE.read_text())["project"]["dependencies"]
    return [requirement for requirement in listed if not requirement.startswith("lighter-")]


def belongs_to_torch_build(pin: str) -> bool:
    return re.match(r"(torch|torchvision|triton|nvidia-[\w-]+|cuda-[\w-]+)==", pin) is not None
