"""Every check of the project: ``uvx nox -l`` lists them, ``uvx nox`` runs what a change must pass."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import nox

sys.path.insert(0, str(Path(__file__).parent / ".ci"))
from nox_steps import library_sessions  # noqa: F401  # nox collects them
from nox_steps.environments import (
    IMPORT_NAMES,
    PYTHON,
    PYTHONS,
    ROOT,
    SIBLINGS,
    build_wheel,
    constraints,
    cpu_torch,
    empty_environment,
    install,
    install_alone,
    print_device,
    pytest,
    workspace_requirements,
)
from nox_steps.pins import print_moved, read_pins, renew_pins
from nox_steps.releases import release_version

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "uv"
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = "CI" in os.environ

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
    "mlflow": ["mlflow==3.17.2"],
}
"""What a user would pick instead, each with what it needs; in environments of their own, as they share import names."""

ELSEWHERE = [f"--ignore=tests/{folder}" for folder in ("editor", "ranks", "slurm", "ray", "works_with")]
"""Tests that have a session of their own, with what they need."""


@nox.session(python=PYTHON, tags=["quality", "quick"])
def lint(session: nox.Session) -> None:
    """Look for mistakes and for unformatted code."""
    install(session, [], groups=["lint"])
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session(python=PYTHON, tags=["quality", "quick"])
def layers(session: nox.Session) -> None:
    """Check that the packages import each other in one direction only."""
    install(session, [], groups=["lint"])
    sources = os.pathsep.join(str(ROOT / "packages" / package / "src") for package in SIBLINGS)
    session.run("lint-imports", env={"PYTHONPATH": sources})


@nox.session(python=PYTHON, tags=["quality", "quick"])
def types(session: nox.Session) -> None:
    """Check the type annotations of the three packages, strictly."""
    install(session, list(SIBLINGS), build="cpu", groups=["lint", "test", "sweep", "slurm", "ray", "figures", "editor"])
    session.run("mypy")


@nox.session(python=PYTHON, tags=["quality"])
def docs(session: nox.Session) -> None:
    """Build the site into site/, strictly: a broken link or a name that does not exist fails."""
    install(session, [], groups=["docs"])
    session.run("mkdocs", "build", "--strict", env={"NO_MKDOCS_2_WARNING": "1"})


@nox.session(python=[PYTHON])
@nox.parametrize(
    ("package", "build"),
    [
        nox.param("lighter-config", None, id="lighter-config", tags=["config", "quick"]),
        nox.param("lighter-core", "cpu", id="lighter-core, cpu", tags=["cpu"]),
        nox.param("lighter-cli", "cpu", id="lighter-cli, cpu", tags=["cpu"]),
    ],
)
def tests(session: nox.Session, package: str, build: str | None) -> None:
    """Test one package alone, from its wheel, with a CPU build of torch."""
    test_alone(session, package, build)


@nox.session(python=PYTHONS, default=False)
@nox.parametrize(
    ("package", "build"),
    [
        nox.param("lighter-config", None, id="lighter-config"),
        nox.param("lighter-core", "cpu", id="lighter-core, cpu"),
        nox.param("lighter-cli", "cpu", id="lighter-cli, cpu"),
        nox.param("lighter-core", "cuda", id="lighter-core, cuda", tags=["cuda"]),
        nox.param("lighter-cli", "cuda", id="lighter-cli, cuda", tags=["cuda"]),
    ],
)
def versions(session: nox.Session, package: str, build: str | None) -> None:
    """Test one package alone, as `tests` does, with every Python, and with a CPU or a CUDA build of torch."""
    test_alone(session, package, build)


@nox.session(python=PYTHON, tags=["quick"], default=False)
def quick(session: nox.Session) -> None:
    """Run the tests of lighter-core and lighter-cli that are not marked slow, with the three packages together."""
    install(session, list(SIBLINGS), build="cpu", groups=["test", "loggers"])
    pytest(session, "-m", "not slow", "packages/lighter-core/tests", "packages/lighter-cli/tests", parallel=True)


@nox.session(python=PYTHON, tags=["cpu"])
def examples(session: nox.Session) -> None:
    """Run the experiments, the examples and the documentation with the three packages together."""
    install(session, list(SIBLINGS), build="cpu", groups=["test", "project"], requirements=workspace_requirements())
    pytest(session, "tests", "examples", *ELSEWHERE, parallel=True)


@nox.session(python=PYTHON, default=False)
def ranks(session: nox.Session) -> None:
    """Run every stage in two processes, let them fail, and start them as torchrun and SLURM do; takes minutes."""
    install(session, list(SIBLINGS), build="cpu", groups=["test", "sweep"])
    pytest(session, "tests/ranks")


@nox.session(python=PYTHON, default=False)
@nox.parametrize("beside", [nox.param(True, id="beside pytorch_lightning"), nox.param(False, id="alone")])
def lightning(session: nox.Session, beside: bool) -> None:
    """Run the experiments of the package `lightning`, beside `pytorch_lightning` and without it."""
    install(session, list(SIBLINGS), build="cpu", groups=["test"])
    (release,) = (pin.partition("==")[2] for pin in read_pins() if pin.startswith("pytorch-lightning=="))
    session.install(f"lightning=={release.split()[0]}")
    if not beside:
        session.run("uv", "pip", "uninstall", "--quiet", "pytorch-lightning", external=True)
    files = ("test_lightning_package.py", "running/test_monitor_check.py")
    pytest(session, *(f"packages/lighter-cli/tests/{file}" for file in files))


@nox.session(python=PYTHON, default=False)
def lowest(session: nox.Session) -> None:
    """Test lighter-core with the lowest versions that its metadata allows, on a CUDA build of torch."""
    install(session, ["lighter-core"], build="cuda", groups=["test"], lowest=True)
    session.run("uv", "pip", "list", external=True)
    pytest(session, "packages/lighter-core/tests")


@nox.session(python=PYTHONS, default=False)
def newest(session: nox.Session) -> None:
    """Run the packages' tests with the newest release of each library, whatever is pinned; prints what has moved."""
    groups = ["test", "export", "lsp", "medical", "notebook", "optimizers", "pictures", "ray", "report", "slurm"]
    install(session, list(SIBLINGS), groups=[*groups, "sweep"], requirements=workspace_requirements(), newest=True)
    print_moved(session)
    folders = [] if session.posargs else [f"packages/{package}/tests" for package in SIBLINGS]
    pytest(session, *folders, parallel=True)


@nox.session(python=PYTHON, default=False)
def cuda(session: nox.Session) -> None:
    """Run the gpu tests where there is a GPU, else every test on the CPU, with the CUDA build of torch."""
    groups = ["test", "project"]
    install(session, list(SIBLINGS), build="cuda", groups=groups, requirements=workspace_requirements())
    if print_device(session):
        folders = ("packages/lighter-core/tests", "packages/lighter-cli/tests", "tests")
        pytest(session, "-m", "gpu", *folders, *ELSEWHERE)
        return
    for folder in (*(f"packages/{package}/tests" for package in SIBLINGS), "tests"):
        pytest(session, folder, *ELSEWHERE, parallel=True)


@nox.session(python=PYTHON, default=False)
@nox.parametrize("package", [nox.param(package, id=package) for package in SIBLINGS])
def coverage(session: nox.Session, package: str) -> None:
    """Measure which lines and branches the tests of one package reach, alone: at least 95 %."""
    install_alone(session, package, "cpu")
    found = {"COVERAGE_FILE": str(Path(session.create_tmp()).absolute() / "coverage"), "OMP_NUM_THREADS": "1"}
    source = f"--source={IMPORT_NAMES[package]}"
    session.run("coverage", "erase", env=found)
    tests_of_package = ["-m", "pytest", f"packages/{package}/tests", *session.posargs]
    session.run("coverage", "run", source, *tests_of_package, env=found)
    session.run("coverage", "combine", "--quiet", env=found)
    session.run("coverage", "report", env=found)


@nox.session(python=PYTHON, default=False)
def build(session: nox.Session) -> None:
    """Build wheels and sdists into dist/, let each wheel do a small job alone, and hand a packed run over."""
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
    with session.chdir(tempfile.gettempdir()):
        found = [option for option in cpu_torch(session) if option.startswith("--")]
        arguments = [str(session.python), f"--find-links={ROOT / 'dist'}", *refreshed, *found]
        session.run(python, "-I", str(ROOT / ".ci/wheels/hand_over_a_run.py"), *arguments, external=True)


@nox.session(python=PYTHON, default=False)
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


@nox.session(python=PYTHON, default=False)
def soak(session: nox.Session) -> None:
    """Train 100,000 steps: fails when memory or the time of a step grows; prints both; takes minutes."""
    install(session, list(SIBLINGS), build="cpu", requirements=workspace_requirements())
    session.run("python", "benchmarks/soak.py", *session.posargs, env={"OMP_NUM_THREADS": "1"})


@nox.session(python=PYTHON, default=False)
def fuzz(session: nox.Session) -> None:
    """Search for input that lighter-config answers with anything but a result or a clear error; takes minutes."""
    install(session, ["lighter-config"], groups=["test"])
    files = [f"packages/lighter-config/tests/test_{name}.py" for name in ("fuzz", "properties")]
    session.run("pytest", "--timeout=3600", *files, *session.posargs, env={"HYPOTHESIS_MAX_EXAMPLES": "5000"})


@nox.session(python=PYTHON, default=False)
def faults(session: nox.Session) -> None:
    """Kill runs at random moments, fill their disk, fail them: resumed, they end as others; prints a table; minutes."""
    install(session, list(SIBLINGS), build="cpu", groups=["sweep"], requirements=workspace_requirements())
    session.run("python", "tests/faults", *session.posargs)


@nox.session(python=PYTHON, default=False)
def lock(session: nox.Session) -> None:
    """Resolve the newest versions and write them to .ci/pins, which every session and `uv sync` read."""
    renew_pins(session)


@nox.session(python=False, default=False)
def release(session: nox.Session) -> None:
    """Write a new version to all files that hold it, and gather changelog.d: `uvx nox -s release -- 0.3.0`."""
    release_version(session)


@nox.session(python=PYTHON, default=False)
def findings(session: nox.Session) -> None:
    """Run every script of findings/: each fails when a library no longer does what it describes."""
    for script in sorted((ROOT / "findings").glob("*.sh")):
        session.run("bash", str(script), external=True)


def test_alone(session: nox.Session, package: str, build: str | None) -> None:
    install_alone(session, package, build)
    pytest(session, f"packages/{package}/tests", parallel=build is not None)
    rooms = ("lighter_cli/sweeps", "lighter/callbacks/pictures", "lighter_cli/editor")
    need_extras = [f"--ignore-glob=*/{room}/*" for room in rooms]  # which the sessions of these names have
    pytest(session, "--doctest-modules", *need_extras, "--pyargs", IMPORT_NAMES[package])
