"""Sessions that need libraries which Lighter works with and does not require."""

import tomllib

import nox

from nox_steps.environments import PYTHON, ROOT, SIBLINGS, cpu_torch, install, pytest, workspace_requirements

LIBRARIES = {
    "albumentations": [],
    "diffusers": ["transformers"],
    "kornia": [],
    "lightly": [],
    "numpy": [],
    "optuna": [],
    "pytorch-forecasting": [],
    "segmentation-models-pytorch": [],
    "torch-geometric": [],
    "torchio": [],
    "transformers": ["timm"],
    "wandb": [],
    "webdataset": [],
}
"""Libraries whose signatures are compared, each in an environment of its own, with those that they need for that."""

CROSSINGS = {
    name: row
    for name, row in tomllib.loads((ROOT / "tests/works_with/libraries.toml").read_text()).items()
    if row["requires"]
}
"""Libraries that are tried in every stage, each in an environment of its own, and what that needs."""


@nox.session(python=PYTHON, default=False)
def corpus(session: nox.Session) -> None:
    """Compare static signatures with the real ones, for every public callable of the libraries that users name."""
    install(session, list(SIBLINGS), build="cpu", groups=["test", "corpus"], requirements=workspace_requirements())
    session.run("python", "packages/lighter-config/tests/corpus.py", *session.posargs)
    pytest(session, "tests/test_earlier_documents.py", "-k", "torchvision")


@nox.session(python=PYTHON, default=False)
@nox.parametrize("library", [nox.param(name, id=name) for name in LIBRARIES])
def signatures(session: nox.Session, library: str) -> None:
    """Compare static signatures of one library that users name with the real ones; its newest version, alone."""
    install(session, ["lighter-config"], build="cpu", groups=["test"])
    session.install(*cpu_torch(session), "torchvision", library, *LIBRARIES[library])  # not held back by our pins
    session.run("python", "packages/lighter-config/tests/corpus.py", library.replace("-", "_"), *session.posargs)


@nox.session(python=PYTHON, name="works-with", default=False)
@nox.parametrize("library", [nox.param(name, id=name) for name in CROSSINGS])
def works_with(session: nox.Session, library: str) -> None:
    """Train, resume, test and predict with one library, alone, and compare the numbers with those by hand."""
    row = CROSSINGS[library]
    install(session, list(SIBLINGS), build=row.get("build", "cpu"), groups=["test"])
    torch = cpu_torch(session) if row.get("build", "cpu") == "cpu" else []
    session.install(*torch, *row["requires"])  # not held back by our pins
    pytest(session, "tests/works_with", "-k", f"[{library}]")


@nox.session(python=PYTHON, default=False)
def editor(session: nox.Session) -> None:
    """Ask the language server every request, as pytest-lsp, Neovim and a client that breaks the rules do; minutes."""
    install(session, list(SIBLINGS), build="cpu", groups=["test", "editor"], requirements=workspace_requirements())
    strict = ("-o", "asyncio_default_fixture_loop_scope=function")  # pytest-asyncio comes with pytest-lsp
    pytest(session, *strict, "packages/lighter-cli/tests/editor", "tests/editor")
    pytest(session, *strict, "--doctest-modules", "--pyargs", "lighter_cli.editor")


@nox.session(python=PYTHON, default=False)
def medical(session: nox.Session) -> None:
    """Run MONAI's metrics, tensors, sliding window, example and shapes, and look for dangers in its --safe list."""
    install(session, list(SIBLINGS), build="cpu", groups=["test", "medical"], requirements=workspace_requirements())
    core = "packages/lighter-core/tests"
    files = ("test_sliding_window.py", "test_tensor_subclasses.py", "logging/test_every_monai_metric.py")
    pytest(session, *(f"{core}/{file}" for file in files))
    pytest(session, "tests/test_examples.py", "tests/test_preflight_of_examples.py", "-k", "segmentation")
    pytest(session, "packages/lighter-cli/tests/test_safe.py", "-k", "listed or methods or allowed")
    pytest(session, "packages/lighter-cli/tests/shapes/test_seeded_mistakes.py", "tests/test_shapes_of_examples.py")


@nox.session(python=PYTHON, default=False)
def optimizers(session: nox.Session) -> None:
    """Train with optimizers of schedulefree and schedulers of timm, and compare parameter groups with timm's."""
    install(session, list(SIBLINGS), build="cpu", groups=["test", "optimizers"], requirements=workspace_requirements())
    pytest(session, "packages/lighter-core/tests/optimizers")


@nox.session(python=PYTHON, default=False)
def export(session: nox.Session) -> None:
    """Export networks in every format, and run the files."""
    install(session, list(SIBLINGS), build="cpu", groups=["test", "export"], requirements=workspace_requirements())
    pytest(session, "packages/lighter-cli/tests/commands/test_export.py")


@nox.session(python=PYTHON, default=False)
def sweep(session: nox.Session) -> None:
    """Run sweeps, kill and continue them, and open their journal in Optuna's dashboard; takes minutes."""
    install(session, list(SIBLINGS), build="cpu", groups=["test", "sweep"], requirements=workspace_requirements())
    pytest(session, "packages/lighter-cli/tests/sweeps")
    pytest(session, "--doctest-modules", "--doctest-ignore-import-errors", "--pyargs", "lighter_cli.sweeps")
    pytest(
        session,
        "tests/test_documentation.py",
        "tests/test_examples.py",
        "-k",
        "sweep or hydra or optuna or cross_validation",
    )


@nox.session(python=PYTHON, default=False)
def slurm(session: nox.Session) -> None:
    """Run sweeps and stages as jobs, on a stand-in for SLURM and on a real one where it is installed; takes minutes."""
    install(session, list(SIBLINGS), build="cpu", groups=["test", "sweep", "slurm"])
    pytest(session, "tests/slurm", "packages/lighter-cli/tests/slurm")


@nox.session(python=PYTHON, default=False)
def ray(session: nox.Session) -> None:
    """Run sweeps on a Ray cluster of two nodes on this machine, and kill what belongs to them; takes minutes."""
    install(session, list(SIBLINGS), build="cpu", groups=["test", "ray"], requirements=workspace_requirements())
    pytest(session, "tests/ray")


@nox.session(python=PYTHON, default=False)
def vscode(session: nox.Session) -> None:
    """Package the extension of Visual Studio Code, and try schemas in the server of YAML; needs Node.js."""
    install(session, list(SIBLINGS), build="cpu", groups=["test", "project"], requirements=workspace_requirements())
    with session.chdir("editors/vscode"):
        session.run("npm", "ci", external=True)
        session.run("npm", "run", "package", external=True)
    pytest(session, "tests/vscode")


@nox.session(python=PYTHON, default=False)
def report(session: nox.Session) -> None:
    """Open reports in a headless Chromium, where there is one, and draw figures as files; takes minutes."""
    groups = ["test", "report", "sweep"]
    install(session, list(SIBLINGS), build="cpu", groups=groups, requirements=workspace_requirements())
    pytest(session, "packages/lighter-cli/tests/reports", "packages/lighter-cli/tests/commands/test_runs_plot.py")
    pytest(session, "--doctest-modules", "--pyargs", "lighter_cli.reports")
    pytest(session, "tests/test_documentation.py", "-k", "report")


@nox.session(python=PYTHON, default=False)
def tracking(session: nox.Session) -> None:
    """Run the example that logs to MLflow's store, and a sweep that does."""
    groups = ["test", "tracking", "sweep"]
    install(session, list(SIBLINGS), build="cpu", groups=groups, requirements=workspace_requirements())
    pytest(session, "tests/test_examples.py", "packages/lighter-cli/tests/sweeps/test_logger_groups.py", "-k", "mlflow")


@nox.session(python=PYTHON, default=False)
def pictures(session: nox.Session) -> None:
    """Draw pictures of epochs, and read them back from TensorBoard, MLflow, W&B and records."""
    groups = ["test", "pictures"]
    install(session, list(SIBLINGS), build="cpu", groups=groups, requirements=workspace_requirements())
    pytest(session, "packages/lighter-core/tests/callbacks/pictures", "packages/lighter-core/tests/test_messages.py")
    pytest(session, "packages/lighter-cli/tests/runs/test_picture_recorder.py")
    pytest(session, "--doctest-modules", "--pyargs", "lighter.callbacks.pictures")
    pytest(session, "tests/test_documentation.py", "-k", "pictures")


@nox.session(python=PYTHON, default=False)
def notebook(session: nox.Session) -> None:
    """Run experiments in the kernel of a notebook."""
    install(session, list(SIBLINGS), build="cpu", groups=["test", "notebook"], requirements=workspace_requirements())
    pytest(session, "packages/lighter-cli/tests/running/test_notebook.py")
