"""Every check of the project: ``uvx nox -l`` lists them, ``uvx nox`` runs what a change must pass."""

import itertools
import os
import re
import shutil
import tempfile
import tomllib
from collections.abc import Iterable
from pathlib import Path

import nox

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "uv"
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = "CI" in os.environ

ROOT = Path(__file__).parent
WORKSPACE_FILE = ROOT / "pyproject.toml"
LOCK_FILE = ROOT / "requirements.lock"
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
PYTHON = PYTHONS[0]

SIBLINGS = {"lighter-config": [], "lighter-core": [], "lighter-cli": ["lighter-config", "lighter-core"]}
IMPORT_NAMES = {"lighter-config": "lighter_config", "lighter-core": "lighter", "lighter-cli": "lighter_cli"}
ABSENT = {
    "lighter-config": ["torch", "pytorch_lightning", "torchmetrics", "lighter", "lighter_cli", "cyclopts", "rich"],
    "lighter-core": ["lighter_config", "lighter_cli", "sparkwheel", "cyclopts", "rich", "loguru", "pandas"],
    "lighter-cli": ["loguru", "pandas", "omegaconf"],
}
"""What cannot even be found where a package's tests run, so that an import that nobody declared fails there."""

JOBS = {
    "lighter-config": "load_and_explain.py",
    "lighter-core": "train_two_steps.py",
    "lighter-cli": "run_a_stage.py",
}
"""What each wheel must do in an environment that holds nothing else; in .ci/wheels."""

PEERS = {
    "by-hand": ["pytorch-lightning==2.6.6", "torchmetrics==1.9.0"],
    "lightning-cli": ["pytorch-lightning==2.6.6", "torchmetrics==1.9.0", "jsonargparse[signatures,omegaconf]"],
    "hydra": ["pytorch-lightning==2.6.6", "torchmetrics==1.9.0", "hydra-core"],
    "earlier-lighter": ["lighter==0.1.0"],
}
"""What a user would pick instead, each with what it needs; in environments of their own, as they share import names."""

nox.options.sessions = [
    "lint",
    "layers",
    "types",
    "docs",
    f"tests-{PYTHON}(lighter-config)",
    f"tests-{PYTHON}(lighter-core, cpu)",
    f"tests-{PYTHON}(lighter-cli, cpu)",
    "examples",
]


@nox.session(python=PYTHON, tags=["quality"])
def lint(session: nox.Session) -> None:
    """Look for mistakes and for unformatted code."""
    install(session, [], groups=["lint"])
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session(python=PYTHON, tags=["quality"])
def layers(session: nox.Session) -> None:
    """Check that the packages import each other in one direction only."""
    install(session, [], groups=["lint"])
    sources = os.pathsep.join(str(ROOT / "packages" / package / "src") for package in SIBLINGS)
    session.run("lint-imports", env={"PYTHONPATH": sources})


@nox.session(python=PYTHON, tags=["quality"])
def types(session: nox.Session) -> None:
    """Check the type annotations of the three packages, strictly."""
    install(session, list(SIBLINGS), build="cpu", groups=["lint", "test"])
    session.run("mypy")


@nox.session(python=PYTHON, tags=["quality"])
def docs(session: nox.Session) -> None:
    """Build the site into site/, strictly: a broken link or a name that does not exist fails."""
    install(session, [], groups=["docs"])
    session.run("mkdocs", "build", "--strict", env={"NO_MKDOCS_2_WARNING": "1"})


@nox.session(python=PYTHONS)
@nox.parametrize(
    ("package", "build"),
    [
        nox.param("lighter-config", None, id="lighter-config", tags=["config"]),
        nox.param("lighter-core", "cpu", id="lighter-core, cpu", tags=["cpu"]),
        nox.param("lighter-cli", "cpu", id="lighter-cli, cpu", tags=["cpu"]),
        nox.param("lighter-core", "cuda", id="lighter-core, cuda", tags=["cuda"]),
        nox.param("lighter-cli", "cuda", id="lighter-cli, cuda", tags=["cuda"]),
    ],
)
def tests(session: nox.Session, package: str, build: str | None) -> None:
    """Test one package alone, from its wheel, with a CPU or a CUDA build of torch."""
    install_alone(session, package, build)
    pytest(session, f"packages/{package}/tests", parallel=build is not None)
    pytest(session, "--doctest-modules", "--pyargs", IMPORT_NAMES[package])


@nox.session(python=PYTHON, tags=["cpu"])
def examples(session: nox.Session) -> None:
    """Run the experiments, the examples and the documentation with the three packages together."""
    install(session, list(SIBLINGS), build="cpu", groups=["test", "project"], requirements=workspace_requirements())
    pytest(session, "tests", "examples", "--ignore=tests/ranks", parallel=True)


@nox.session(python=PYTHON)
def ranks(session: nox.Session) -> None:
    """Run every stage in two processes, let them fail, and start them as torchrun and SLURM do; takes minutes."""
    install(session, list(SIBLINGS), build="cpu", groups=["test"])
    pytest(session, "tests/ranks")


@nox.session(python=PYTHON)
def lowest(session: nox.Session) -> None:
    """Test lighter-core with the lowest versions that its metadata allows, on a CUDA build of torch."""
    install(session, ["lighter-core"], build="cuda", groups=["test"], lowest=True)
    session.run("uv", "pip", "list", external=True)
    pytest(session, "packages/lighter-core/tests")


@nox.session(python=PYTHON)
def cuda(session: nox.Session) -> None:
    """Run the gpu tests where there is a GPU, else every test on the CPU, with the CUDA build of torch."""
    groups = ["test", "project"]
    install(session, list(SIBLINGS), build="cuda", groups=groups, requirements=workspace_requirements())
    if print_device(session):
        folders = ("packages/lighter-core/tests", "packages/lighter-cli/tests", "tests")
        pytest(session, "-m", "gpu", *folders, "--ignore=tests/ranks")
        return
    for folder in (*(f"packages/{package}/tests" for package in SIBLINGS), "tests"):
        pytest(session, folder, "--ignore=tests/ranks", parallel=True)


@nox.session(python=PYTHON)
@nox.parametrize("package", [nox.param(package, id=package) for package in SIBLINGS])
def coverage(session: nox.Session, package: str) -> None:
    """Measure which lines and branches the tests of one package reach, alone: at least 95 %."""
    install_alone(session, package, "cpu")
    found = {"COVERAGE_FILE": str(Path(session.create_tmp()).absolute() / "coverage"), "OMP_NUM_THREADS": "1"}
    source = f"--source={IMPORT_NAMES[package]}"
    session.run("coverage", "erase", env=found)
    # torch and Lightning are slower under the tracer, so that a limit made for the bare test says nothing
    tests_of_package = ["-m", "pytest", "--timeout=1200", f"packages/{package}/tests", *session.posargs]
    session.run("coverage", "run", source, *tests_of_package, env=found)
    session.run("coverage", "combine", "--quiet", env=found)
    session.run("coverage", "report", env=found)


@nox.session(python=PYTHON)
def build(session: nox.Session) -> None:
    """Build wheels and sdists into dist/, and let each wheel do a small job in an environment of its own."""
    shutil.rmtree(ROOT / "dist", ignore_errors=True)
    session.run("uv", "build", "--quiet", "--all-packages", "--out-dir=dist", external=True)
    session.run("python", ".ci/wheels/contents.py", "dist")
    folder = Path(session.create_tmp()).absolute()
    pinned = constraints(session, "cpu")
    for package, job in JOBS.items():
        python = empty_environment(session, folder / package)
        torch = [] if package == "lighter-config" else cpu_torch(session)
        options = [f"--python={python}", f"--find-links={ROOT / 'dist'}", f"--constraint={pinned}"]
        refreshed = [f"--refresh-package={name}" for name in SIBLINGS]
        # outside the repository: inside it, the siblings' sources would stand in for their wheels
        with session.chdir(tempfile.gettempdir()):
            session.run("uv", "pip", "install", "--quiet", *options, *refreshed, *torch, package, external=True)
            session.run(python, "-I", str(ROOT / ".ci/wheels" / job), external=True)


@nox.session(python=PYTHON)
def bench(session: nox.Session) -> None:
    """Measure what the README and the docs promise, against what a user would pick instead; takes minutes."""
    install(session, list(SIBLINGS), build="cpu", groups=["bench"], requirements=workspace_requirements())
    folder = Path(session.create_tmp()).absolute()
    overrides = folder / "overrides.txt"
    overrides.write_text("torchvision; python_version < '3'\n")  # its public build does not import beside a CPU torch
    peers = []
    # Lighter too: beside scikit-learn, `import pytorch_lightning` takes half as long again
    wheels = [build_wheel(session, package, folder / "wheels") for package in SIBLINGS]
    for name, requirements in {"lighter": wheels, **PEERS}.items():
        python = empty_environment(session, folder / name)
        options = [f"--python={python}", f"--overrides={overrides}"]
        with session.chdir(tempfile.gettempdir()):
            torch = cpu_torch(session)
            session.run("uv", "pip", "install", "--quiet", *options, *torch, *requirements, external=True)
        peers.append(f"--{name}={python}")
    session.run("python", "benchmarks/table.py", *peers, *session.posargs)


@nox.session(python=PYTHON)
def soak(session: nox.Session) -> None:
    """Train 100,000 steps: fails when memory or the time of a step grows; prints both; takes minutes."""
    install(session, list(SIBLINGS), build="cpu", requirements=workspace_requirements())
    session.run("python", "benchmarks/soak.py", *session.posargs, env={"OMP_NUM_THREADS": "1"})


@nox.session(python=PYTHON)
def corpus(session: nox.Session) -> None:
    """Compare static signatures with the real ones, for every public callable of the libraries that users name."""
    install(session, list(SIBLINGS), build="cpu", groups=["test", "corpus"], requirements=workspace_requirements())
    session.run("python", "packages/lighter-config/tests/corpus.py", *session.posargs)
    pytest(session, "tests/test_earlier_documents.py", "-k", "torchvision")


@nox.session(python=PYTHON)
def fuzz(session: nox.Session) -> None:
    """Search for input that lighter-config answers with anything but a result or a clear error; takes minutes."""
    install(session, ["lighter-config"], groups=["test"])
    files = [f"packages/lighter-config/tests/test_{name}.py" for name in ("fuzz", "properties")]
    session.run("pytest", "--timeout=3600", *files, *session.posargs, env={"HYPOTHESIS_MAX_EXAMPLES": "5000"})


@nox.session(python=PYTHON)
def faults(session: nox.Session) -> None:
    """Kill runs at random moments, fill their disk, fail them: resumed, they end as others; prints a table; minutes."""
    install(session, list(SIBLINGS), build="cpu", requirements=workspace_requirements())
    session.run("python", "tests/faults", *session.posargs)


@nox.session(python=PYTHON)
def medical(session: nox.Session) -> None:
    """Run MONAI's sliding window as an inferer: on a volume, and in the segmentation example."""
    install(session, list(SIBLINGS), build="cpu", groups=["test", "medical"], requirements=workspace_requirements())
    pytest(session, "packages/lighter-core/tests/test_sliding_window.py")
    pytest(session, "tests/test_examples.py", "-k", "segmentation")


@nox.session(python=PYTHON)
def tracking(session: nox.Session) -> None:
    """Run the example that logs to MLflow's store."""
    install(session, list(SIBLINGS), build="cpu", groups=["test", "tracking"], requirements=workspace_requirements())
    pytest(session, "tests/test_examples.py", "-k", "mlflow")


@nox.session(python=PYTHON)
def lock(session: nox.Session) -> None:
    """Resolve the newest versions and track them: pins in pyproject.toml, hashes in requirements.lock."""
    write_pins([])
    resolved = export_lock(session, "--upgrade")
    write_pins(pins(resolved))
    if export_lock(session) != resolved:
        session.error("the pins do not resolve to the versions that they were taken from")
    LOCK_FILE.write_text(resolved)


def install_alone(session: nox.Session, package: str, build: str | None) -> None:
    """Install one package for its tests, and show that what it must not import cannot be found there."""
    build = None if package == "lighter-config" else build
    install(session, [package, *SIBLINGS[package]], build=build, groups=["test"])
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
) -> None:
    """Install packages of the workspace from their wheels, with what they need at the tracked or lowest versions."""
    temporary = Path(session.create_tmp()).absolute()
    wheels = [build_wheel(session, package, temporary / "wheels") for package in packages]
    arguments = [*wheels, *requirements, *(f"--group={WORKSPACE_FILE}:{group}" for group in groups)]
    if build == "cpu":
        arguments += cpu_torch(session)
    if lowest:
        arguments.append("--resolution=lowest-direct")
        arguments += [pin for pin in workspace_pins() if re.match(r"(pytest[\w-]*|hypothesis)==", pin)]
    else:
        arguments.append(f"--constraint={constraints(session, build)}")
    # outside the repository: inside it, uv would add the workspace's own pins, that of the CUDA build too
    with session.chdir(tempfile.gettempdir()):
        reinstalled = [f"--reinstall-package={package}" for package in packages]
        session.install(*reinstalled, *arguments)


def constraints(session: nox.Session, build: str | None) -> Path:
    """Write the tracked versions to a file, without those of the CUDA build where another is installed."""
    pinned = [pin for pin in workspace_pins() if build != "cpu" or not belongs_to_torch_build(pin)]
    file = Path(session.create_tmp()).absolute() / "constraints.txt"
    file.write_text("\n".join(pinned) + "\n")
    return file


def build_wheel(session: nox.Session, package: str, folder: Path) -> str:
    for old in folder.glob(f"{package.replace('-', '_')}-*.whl"):
        old.unlink()
    session.run("uv", "build", "--quiet", "--wheel", f"--package={package}", f"--out-dir={folder}", external=True)
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
    processes = ["--numprocesses=auto", "--maxprocesses=4"] if parallel else []
    session.run("pytest", *processes, *arguments, *session.posargs, env={"OMP_NUM_THREADS": "1"})


def workspace_requirements() -> list[str]:
    """Return what the root needs beyond its members: the libraries that the examples load."""
    listed = tomllib.loads(WORKSPACE_FILE.read_text())["project"]["dependencies"]
    return [requirement for requirement in listed if not requirement.startswith("lighter-")]


def workspace_pins() -> list[str]:
    pinned: list[str] = tomllib.loads(WORKSPACE_FILE.read_text())["tool"]["uv"]["constraint-dependencies"]
    return pinned


def belongs_to_torch_build(pin: str) -> bool:
    return re.match(r"(torch|torchvision|triton|nvidia-[\w-]+|cuda-[\w-]+)==", pin) is not None


def export_lock(session: nox.Session, *arguments: str) -> str:
    (ROOT / "uv.lock").unlink(missing_ok=True)
    session.run("uv", "lock", "--quiet", *arguments, external=True)
    options = ["--frozen", "--all-groups", "--no-emit-workspace", "--no-header", "--no-annotate"]
    exported = session.run("uv", "export", "--quiet", *options, external=True, silent=True)
    assert isinstance(exported, str)
    return exported


def pins(exported: str) -> list[str]:
    """Turn an export into constraints: without a marker where there is one version, else by Python version only."""
    lines = re.findall(r"^([\w.-]+)==([^\s;]+)(?: ; (.*?))? ?\\?$", exported, flags=re.MULTILINE)
    found: list[str] = []
    for name, group in itertools.groupby(sorted(lines), key=lambda line: line[0]):
        versions = list(group)
        for _, version, marker in versions:
            by_python = " and ".join(re.findall(r"python_full_version [<>=]+ '[\d.]+'", marker))
            found.append(f"{name}=={version}" + (f" ; {by_python}" if len(versions) > 1 else ""))
    return found


def write_pins(constraints: list[str]) -> None:
    text = WORKSPACE_FILE.read_text()
    block = "".join(f'    "{constraint}",\n' for constraint in constraints)
    written = re.sub(r"(constraint-dependencies = \[\n)[^\]]*\]", rf"\g<1>{block}]", text)
    WORKSPACE_FILE.write_text(written)
