"""Compare what is read from source with what ``inspect.signature`` says, for every public callable of real packages.

Run by its own session, with the packages installed: ``python corpus.py [group ...]``. It prints one line a group and
every answer that is wrong, and fails when one is, or when less than 95 % of a group is known.
"""

import argparse
import importlib
import inspect
import pkgutil
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lighter_config.building.real_signature import real_signature
from lighter_config.signatures import DoesNotExist, Parameter, Signature, SignatureReader, Unknown
from lighter_config.signatures.values.compiled_additions import COMPILED_FUNCTIONS

KNOWN_SHARE = 0.95
"""What must be known of each group, but for those of ``SHARES``."""

GROUPS = {
    "torch.nn": ["torch.nn", "torch.nn.functional", "torch.nn.init", "torch.nn.utils", "torch.nn.parallel"],
    "torch.optim": ["torch.optim", "torch.optim.swa_utils"],
    "torch.optim.lr_scheduler": ["torch.optim.lr_scheduler"],
    "torch.utils.data": ["torch.utils.data", "torch.utils.data.distributed"],
    "pytorch_lightning": [
        "pytorch_lightning",
        "pytorch_lightning.callbacks",
        "pytorch_lightning.loggers",
        "pytorch_lightning.profilers",
        "pytorch_lightning.strategies",
    ],
    "torchmetrics": ["torchmetrics", "torchmetrics.*"],
    "sklearn.datasets": ["sklearn.datasets"],
    "lighter": ["lighter", "lighter.*"],
    "torchvision.models": ["torchvision.models", "torchvision.models.*"],
    "torchvision.transforms.v2": ["torchvision.transforms.v2"],
    "monai": ["monai.losses", "monai.networks.nets", "monai.transforms", "monai.inferers"],
    "timm.models": ["timm.models"],
    "transformers": ["transformers"],
    "diffusers": ["diffusers"],
    "albumentations": ["albumentations"],
    "webdataset": ["webdataset"],
    "optuna": ["optuna", "optuna.*"],
    "torch_geometric": [
        "torch_geometric.nn",
        "torch_geometric.data",
        "torch_geometric.loader",
        "torch_geometric.transforms",
    ],
    "lightly": ["lightly.loss", "lightly.models.modules", "lightly.transforms", "lightly.data"],
    "torchio": ["torchio"],
    "kornia": ["kornia", "kornia.augmentation", "kornia.losses", "kornia.filters"],
    "segmentation_models_pytorch": [
        "segmentation_models_pytorch",
        "segmentation_models_pytorch.losses",
        "segmentation_models_pytorch.metrics",
    ],
    "pytorch_forecasting": ["pytorch_forecasting", "pytorch_forecasting.metrics", "pytorch_forecasting.data"],
    "wandb": ["wandb"],
    "numpy": ["numpy", "numpy.linalg", "numpy.fft", "numpy.strings"],
}

SHARES = {"numpy": 0.8}
"""Groups of which less is known."""

_SECONDS_BETWEEN_LINES = 30


@dataclass
class Score:
    """What came out for one group."""

    known: int = 0
    unknown: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    without_signature: int = 0

    @property
    def total(self) -> int:
        return self.known + len(self.unknown) + len(self.wrong)

    @property
    def share(self) -> float:
        return self.known / self.total if self.total else 1.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("groups", nargs="*", help=f"of {', '.join(GROUPS)}; all that are installed by default")
    parser.add_argument("--unknown", action="store_true", help="list what is unknown, and why")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    operators = operators_of_torchvision()
    reader = SignatureReader(cache_folder=None)
    failed = False
    print(f"{'group':28} {'callables':>9} {'known':>6} {'share':>7} {'unknown':>8} {'wrong':>6} {'no signature':>13}")
    for group in options.groups or GROUPS:
        try:
            importlib.import_module(group)
        except ImportError:
            print(f"{group:28} not installed")
            continue
        score = compare_group(reader, GROUPS[group])
        failed |= bool(score.wrong) or score.share < SHARES.get(group, KNOWN_SHARE)
        print(
            f"{group:28} {score.total:9} {score.known:6} {score.share:7.1%} {len(score.unknown):8} "
            f"{len(score.wrong):6} {score.without_signature:13}",
            flush=True,
        )
        for line in score.wrong:
            print(f"    WRONG {line}")
        if options.unknown:
            for line in score.unknown:
                print(f"    unknown {line}")
    for namespace, others in not_functions().items():
        failed |= bool(others)
        print(f"{namespace} holds functions alone" if not others else f"WRONG {namespace} also holds {others}")
    del operators
    return int(failed)


def not_functions() -> dict[str, list[str]]:
    """Find what is no function in the compiled namespaces that the reader takes to hold nothing else."""
    found: dict[str, list[str]] = {}
    for namespace in COMPILED_FUNCTIONS:
        package, _, name = namespace.rpartition(".")
        try:
            value = getattr(importlib.import_module(package), name)
        except ImportError:
            continue
        names = [one for one in dir(value) if not one.startswith("__")]
        found[namespace] = [one for one in names if not inspect.isbuiltin(getattr(value, one))]
    return found


def operators_of_torchvision() -> Any:
    """Let torchvision import beside a torch that its compiled part was not built for; only signatures are read.

    The operators last as long as what is returned.
    """
    try:
        torch = importlib.import_module("torch")
        importlib.import_module("torchvision")
        return None
    except ImportError:
        return None
    except RuntimeError:  # its operators are not there
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
    library = torch.library.Library("torchvision", "DEF")
    for operator in ("nms", "qnms"):
        library.define(f"{operator}(Tensor boxes, Tensor scores, float threshold) -> Tensor")
    return library


def compare_group(reader: SignatureReader, patterns: list[str]) -> Score:
    score = Score()
    seen: set[str] = set()
    next_line = time.monotonic() + _SECONDS_BETWEEN_LINES
    for module in modules(patterns):
        for name, value in public_callables(module):
            target = f"{module.__name__}.{name}"
            if target in seen:
                continue
            seen.add(target)
            compare(reader, target, value, score)
            if time.monotonic() > next_line:
                next_line = time.monotonic() + _SECONDS_BETWEEN_LINES
                print(f"    {len(seen)} compared, up to {target}", file=sys.stderr, flush=True)
    return score


def modules(patterns: list[str]) -> Iterator[Any]:
    for pattern in patterns:
        package = importlib.import_module(pattern.removesuffix(".*"))
        if not pattern.endswith(".*"):
            yield package
            continue
        for info in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            if not info.name.rpartition(".")[2].startswith("_"):
                try:
                    yield importlib.import_module(info.name)
                except Exception as error:  # an optional dependency that is not installed, whatever it raises
                    print(f"    {info.name} is left out: {error}", file=sys.stderr)


def public_callables(module: Any) -> Iterator[tuple[str, Any]]:
    root = module.__name__.partition(".")[0]
    for name in sorted(set(dir(module))):
        if name.startswith("_"):
            continue
        value = getattr(module, name, None)
        if callable(value) and str(getattr(value, "__module__", "")).partition(".")[0] == root:
            yield name, value


def compare(reader: SignatureReader, target: str, value: Any, score: Score) -> None:
    answer = reader.read(target)
    try:
        expected = list(real_signature(value).parameters.values())
    except (ValueError, TypeError):
        score.without_signature += 1
        if isinstance(answer, DoesNotExist):
            score.wrong.append(f"{target}: {answer}")
        return
    if "._graveyard." in value.__module__ and isinstance(answer, Unknown):
        return  # Lightning patches classes that it has removed back in, to say so when they are called
    match answer:
        case Unknown(reason=reason):
            score.unknown.append(f"{target}: {reason}")
        case DoesNotExist():
            score.wrong.append(f"{target}: {answer}")
        case Signature(parameters=parameters):
            difference = differs(parameters, expected, of_stub=answer.file.endswith(".pyi"))
            if difference:
                score.wrong.append(f"{target}: {difference}")
            else:
                score.known += 1


def differs(parameters: tuple[Parameter, ...], expected: list[inspect.Parameter], *, of_stub: bool = False) -> str:
    """Say how parameters differ from the real ones; nothing if they do not.

    Stubs of compiled functions have other names for what is given by place alone, their own order of keywords, ``...``
    for defaults, and the keywords of which the compiled code says no more than ``**kwargs``.
    """
    ours = [(parameter.name, parameter.kind.value) for parameter in parameters]
    theirs = [(parameter.name, parameter.kind.name) for parameter in expected]
    if (of_stub and as_stubs_tell(ours, theirs) != as_stubs_tell(theirs, ours)) or (not of_stub and ours != theirs):
        return f"{ours} is not {theirs}"
    real_ones = {parameter.name: parameter for parameter in expected}
    for index, parameter in enumerate(parameters):
        real = real_ones.get(parameter.name) or expected[min(index, len(expected) - 1)]
        if real.kind is not inspect.Parameter.VAR_KEYWORD or parameter.kind.value == real.kind.name:
            difference = default_differs(parameter, real, of_stub=of_stub)
            if difference:
                return difference
    return ""


def as_stubs_tell(one: list[tuple[str, str]], other: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """What both a stub and compiled code tell of parameters, as names and kinds."""
    if ("kwargs", "VAR_KEYWORD") in (*one, *other) and not set(one) & set(other) & {("kwargs", "VAR_KEYWORD")}:
        names = {name for name, _ in one} & {name for name, _ in other}
        one = [(name, kind) for name, kind in one if kind not in ("VAR_KEYWORD", "KEYWORD_ONLY") or name in names]
    by_place = [("" if kind == "POSITIONAL_ONLY" else name, kind) for name, kind in one if kind != "KEYWORD_ONLY"]
    return by_place + sorted((name, kind) for name, kind in one if kind == "KEYWORD_ONLY")


def default_differs(parameter: Parameter, real: inspect.Parameter, *, of_stub: bool) -> str:
    if (parameter.default is None) != (real.default is inspect.Parameter.empty):
        return f"default of {parameter.name}: {parameter.default} is not {real.default}"
    if parameter.default is None or parameter.default == "<factory>" or of_stub:
        return ""
    names = dict(vars(sys.modules[parameter.module])) if parameter.module in sys.modules else {}
    try:
        default = eval(parameter.default, names)
    except Exception as error:  # the text may be anything
        return f"default of {parameter.name}: {parameter.default} raises {error!r}, is {real.default!r}"
    if not same(default, real.default):
        return f"default of {parameter.name}: {default!r} is not {real.default!r}"
    return ""


def same(one: Any, other: Any) -> bool:
    if one is other or (type(one) is type(other) and Counter(repr(one)) == Counter(repr(other))):
        return True
    # functions and objects made anew differ in their address only
    return type(one) is type(other) and repr(one).partition(" at 0x")[0] == repr(other).partition(" at 0x")[0]


if __name__ == "__main__":
    sys.exit(main())
