"""What `lighter check` costs against `hydrust check`, which is compiled: processor time of whole processes, in turns.

hydrust is in an environment of its own, and is shown the Python of this one, so that both read the same libraries::

    uv venv .venv-hydrust
    uv pip install --python .venv-hydrust hydrust
    python benchmarks/checks_against_peers.py --hydrust .venv-hydrust/bin/hydrust

Each row is the median of the ratios of pairs, with the quartiles. The exit code is 1 when a mark is missed.
"""

import argparse
import importlib.metadata
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

DIGITS = Path(__file__).parents[1] / "examples/digits/config.yaml"
NUM_EXPERIMENTS = 100
LAYERS = (
    "Linear: {in_features: 8, out_features: 8}", "Conv2d: {in_channels: 8, out_channels: 8, kernel_size: 3}",
    "Conv1d: {in_channels: 8, out_channels: 8, kernel_size: 3}", "BatchNorm2d: {num_features: 8}", "ReLU: {}",
    "LayerNorm: {normalized_shape: 8}", "Dropout: {p: 0.1}", "GELU: {}", "LSTM: {input_size: 8, hidden_size: 8}",
    "MaxPool2d: {kernel_size: 2}", "Flatten: {}", "Embedding: {num_embeddings: 8, embedding_dim: 8}", "Identity: {}",
    "GRU: {input_size: 8, hidden_size: 8}", "MultiheadAttention: {embed_dim: 8, num_heads: 2}",
    "TransformerEncoderLayer: {d_model: 8, nhead: 2}", "Upsample: {scale_factor: 2}", "Softmax: {dim: 1}",
)  # fmt: skip
OPTIMIZERS = ("Adam", "AdamW", "SGD", "RMSprop", "Adagrad", "NAdam", "RAdam", "Adadelta")
SCHEDULERS = (
    "StepLR: {step_size: 3}", "ExponentialLR: {gamma: 0.9}", "CosineAnnealingLR: {T_max: 100}", "LinearLR: {}",
    "MultiStepLR: {milestones: [3, 6]}", "ConstantLR: {}",
)  # fmt: skip
CRITERIA = ("CrossEntropyLoss", "NLLLoss", "MultiMarginLoss", "MSELoss", "L1Loss", "HuberLoss")
METRICS = ("Accuracy", "F1Score", "Precision", "Recall", "Specificity", "AUROC", "CohenKappa", "MatthewsCorrCoef")


@dataclass(frozen=True, slots=True)
class Ratio:
    """Two commands in turns, by their processor time.

    Attributes:
        work: What is compared.
        own: Milliseconds of Lighter.
        other: Milliseconds of the other one.
        mark: The largest ratio that is good.
    """

    work: str
    own: Sequence[float]
    other: Sequence[float]
    mark: float

    @property
    def is_met(self) -> bool:
        """Whether the median of the ratios is at most the mark."""
        return statistics.median(self._ratios) <= self.mark

    @property
    def _ratios(self) -> list[float]:
        return [own / other for own, other in zip(self.own, self.other, strict=True)]

    def row(self) -> str:
        """Return it as a row of the table."""
        low, middle, high = statistics.quantiles(self._ratios, n=4)
        measured = f"{statistics.median(self.own):.1f} ms / {statistics.median(self.other):.1f} ms"
        verdict = "met" if self.is_met else "MISSED"
        ratio = f"{middle:.2f} ({low:.2f} to {high:.2f})"
        return f"| {self.work:<52} | {measured:<21} | {ratio} | {self.mark:g} | {verdict} |"


def experiment(number: int) -> str:
    """Return an experiment that differs from the others in its layers, optimizer, scheduler, loss and metrics."""
    chance = random.Random(number)

    def component(where: str, text: str, more: str = "") -> str:
        name, _, arguments = text.partition(": ")
        inside = arguments.strip("{}")
        return f"{{_target_: {where}.{name}{f', {inside}' if inside else ''}{more}}}"

    layers = "".join(f"      - {component('torch.nn', layer)}\n" for layer in chance.choices(LAYERS, k=8))
    metrics = "".join(
        f"      - {{_target_: torchmetrics.{name}, task: multiclass, num_classes: 10}}\n"
        for name in chance.sample(METRICS, 3)
    )
    optimizer = f"{{_target_: torch.optim.{chance.choice(OPTIMIZERS)}, params: $@system::model.parameters(), lr: 0.01}}"
    scheduler = component("torch.optim.lr_scheduler", chance.choice(SCHEDULERS), ', optimizer: "@system::optimizer"')
    data = "{_target_: torch.utils.data.TensorDataset, _args_: []}"
    return (
        f"seed: {number}\n"
        "trainer:\n"
        "  _target_: pytorch_lightning.Trainer\n"
        f"  max_epochs: {number + 1}\n"
        "  callbacks:\n"
        "    - {_target_: pytorch_lightning.callbacks.ModelCheckpoint, save_last: true}\n"
        "    - {_target_: pytorch_lightning.callbacks.LearningRateMonitor}\n"
        "system:\n"
        "  _target_: lighter.System\n"
        "  model:\n"
        "    _target_: torch.nn.Sequential\n"
        "    _args_:\n"
        f"{layers}"
        f"  criterion: {{_target_: torch.nn.{chance.choice(CRITERIA)}}}\n"
        f"  optimizer: {optimizer}\n"
        f"  scheduler: {scheduler}\n"
        "  metrics:\n"
        "    train:\n"
        f"{metrics}"
        "  dataloaders:\n"
        f"    train: {{_target_: torch.utils.data.DataLoader, batch_size: {8 + number}, dataset: {data}}}\n"
    )


class Contest:
    """Runs commands in turns.

    Args:
        hydrust: The program.
        repeats: How many pairs of each.
        folder: Where kept answers are.
    """

    def __init__(self, hydrust: Path, repeats: int, folder: Path) -> None:
        self._hydrust = hydrust
        self._repeats = repeats
        self._folder = folder
        self.peak_mib = 0.0

    def ratio(
        self, work: str, own: Sequence[str], other: Sequence[str], mark: float, *, is_cold: bool = False
    ) -> Ratio:
        """Run two commands in turns, after one of each that does not count."""
        pairs = [
            (self._run(own, self._cache(number, is_cold)), self._run(other, self._cache(number, is_cold)))
            for number in range(self._repeats + 1)
        ][1:]
        return Ratio(work, [pair[0] for pair in pairs], [pair[1] for pair in pairs], mark)

    def lighter(self, *words: str) -> list[str]:
        """Return the command that runs Lighter as its script does."""
        return [sys.executable, "-c", "from lighter_cli.main import main; main()", *words]

    def check(self, path: Path) -> list[str]:
        """Return the command of hydrust that checks a file or a folder with the libraries of this environment."""
        return [str(self._hydrust), "check", "--python", sys.executable, "--verbosity", "error", str(path)]

    def _cache(self, number: int, is_cold: bool) -> Path:
        return self._folder / (f"{time.monotonic_ns()}-{number}" if is_cold else "kept")

    def _run(self, command: Sequence[str], cache: Path) -> float:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        process = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**environment, "XDG_CACHE_HOME": str(cache)},
        )
        assert process.stderr is not None
        said = process.stderr.read().decode()
        process.stderr.close()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode and command[0] == sys.executable:
            raise SystemExit(f"{' '.join(command)} failed:\n{said}")
        if command[0] == sys.executable:
            self.peak_mib = max(self.peak_mib, usage.ru_maxrss / 1024)
        return (usage.ru_utime + usage.ru_stime) * 1000


def main() -> int:
    """Measure everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hydrust", type=Path, required=True, help="its program, in an environment of its own")
    parser.add_argument("--repeats", type=int, default=15)
    arguments = parser.parse_args()
    peer = subprocess.run([arguments.hydrust, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    own = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("lighter-cli", "torch", "cyclopts"))
    print(f"{own}; {peer}; Python {platform.python_version()}, {os.cpu_count()} cores, {arguments.repeats} pairs\n")
    print("| processor time | Lighter / other | ratio (quartiles) | mark | |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        contest = Contest(arguments.hydrust, arguments.repeats, folder)
        (experiments := folder / "experiments").mkdir()
        files = [experiments / f"{number:03}.yaml" for number in range(NUM_EXPERIMENTS)]
        for number, file in enumerate(files):
            file.write_text(experiment(number))
        python = [sys.executable, "-c", "pass"]
        one, many = contest.check(DIGITS), contest.check(experiments)
        digits = contest.lighter("check", str(DIGITS))
        measured: list[Callable[[], Ratio]] = [
            lambda: contest.ratio("lighter --version, python -c pass", contest.lighter("--version"), python, 6),
            lambda: contest.ratio("lighter --help, python -c pass", contest.lighter("--help"), python, 6),
            lambda: contest.ratio("lighter check, warm", digits, one, 6),
            lambda: contest.ratio("  the same, nothing kept", digits, one, 20, is_cold=True),
            lambda: contest.ratio(
                f"lighter check --each, {NUM_EXPERIMENTS} experiments, warm",
                contest.lighter("check", "--each", *map(str, files)), many, 3,
            ),
        ]  # fmt: skip
        is_met = True
        for measure in measured:
            ratio = measure()
            is_met &= ratio.is_met
            print(ratio.row(), flush=True)
    print(f"\npeak memory of Lighter: {contest.peak_mib:.0f} MiB")
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
