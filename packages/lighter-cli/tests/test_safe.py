"""Stages with ``--safe``: each trap is sprung without it, and refused with it before it leaves a trace."""

import contextlib
import cProfile
import importlib
import inspect
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import fsspec
import numpy as np
import pytest
import pytorch_lightning
import torch
from fsspec.registry import known_implementations
from packaging.version import Version
from pytorch_lightning.strategies.launchers.subprocess_script import _SubprocessScriptLauncher

import lighter.callbacks
from lighter_cli import Runner, load_experiment
from lighter_cli.running.file_systems import only_storage
from lighter_config import CheckError, ConfigError
from lighter_config.safety import listed_targets
from lighter_config.safety.expression_refusals import is_harmless

sys.path.append(str(Path(__file__).parent))
from safe_methods import compiled_names, imports_an_argument, public_methods, reachable, reason

sys.path.pop()

TRACE = Path("trace")
SHORT = ["trainer::fast_dev_run=1"]
LOADER = (
    "vars::loader={_target_: torch.utils.data.DataLoader, dataset: [1], num_workers: 1, multiprocessing_context: fork}"
)
WRAP_CLOSE = "$[one for one in ().__class__.__base__.__subclasses__() if one.__name__ == '_wrap_close'][0]"
TRAPS = {
    "a target": ["trainer::default_root_dir={_target_: os.mkdir, path: trace}"],
    "a target of a listed package": ["trainer::default_root_dir={_target_: torch.os.mkdir, path: trace}"],
    "a target far inside a listed package": [
        "trainer::default_root_dir={_target_: torch.serialization.os.mkdir, path: trace}"
    ],
    "a target inside Lightning": [
        "trainer::default_root_dir={_target_: pytorch_lightning.trainer.trainer.os.mkdir, path: trace}"
    ],
    "a target inside Lighter": [
        "trainer::default_root_dir={_target_: lighter.callbacks.writers.file_writer.os.mkdir, path: trace}"
    ],
    "a method of a class": [
        "trainer::default_root_dir={_target_: pathlib.Path.mkdir, _args_: [$__import__('pathlib').Path('trace')]}"
    ],
    "a target that is referred to": [
        "vars::what=os.mkdir",
        "trainer::default_root_dir={_target_: '@vars::what', path: trace}",
    ],
    "a target that is computed": ["trainer::default_root_dir={_target_: \"$'os' + '.mkdir'\", path: trace}"],
    "an argument of a listed target": ["system::criterion::weight={_target_: os.mkdir, path: trace}"],
    "the mode of a listed target": ["system::criterion::_mode_=\"$os.mkdir('trace') or 'default'\""],
    "whether a target is disabled": ["system::criterion::_disabled_=\"$os.mkdir('trace') is None\""],
    "an import in an expression": ["trainer::default_root_dir=\"$__import__('os').mkdir('trace')\""],
    "a known name": ["trainer::default_root_dir=\"$os.mkdir('trace')\""],
    "a module of a known name": ["trainer::default_root_dir=\"$torch.os.mkdir('trace')\""],
    "eval": ['trainer::default_root_dir="$eval(\'__import__(\\"os\\").mkdir(\\"trace\\")\')"'],
    "eval under the name of an import": [
        "_imports_={eval: torch.nn.Linear}",
        'trainer::default_root_dir="$eval(\'__import__(\\"os\\").mkdir(\\"trace\\")\')"',
    ],
    "a function that calls another": [
        'trainer::default_root_dir="$max([\'__import__(\\"os\\").mkdir(\\"trace\\")\'], key=eval)"'
    ],
    "_imports_": ["_imports_={t: os}", "trainer::default_root_dir=\"$t.mkdir('trace')\""],
    "_imports_ of a listed package": ["_imports_={t: torch.os}", "trainer::default_root_dir=\"$t.mkdir('trace')\""],
    "_requires_": ["_requires_=$import os as math", "trainer::default_root_dir=\"$math.mkdir('trace')\""],
    "getattr": ["trainer::default_root_dir=\"$getattr(torch, 'o' + 's').mkdir('trace')\""],
    "the subclasses of object": [f"trainer::default_root_dir={WRAP_CLOSE}.__init__.__globals__['mkdir']('trace')"],
    "the globals of a method": [
        "trainer::default_root_dir=\"$@system::model.register_buffer.__globals__['torch'].os.mkdir('trace')\""
    ],
    "a module that an object leads to": [
        LOADER,
        "trainer::default_root_dir=\"$@vars::loader.multiprocessing_context.reducer.os.mkdir('trace')\"",
    ],
    "the same in steps": [
        LOADER,
        "vars::context=$@vars::loader.multiprocessing_context",
        "vars::module=$@vars::context.reducer",
        "trainer::default_root_dir=\"$@vars::module.os.mkdir('trace')\"",
    ],
    "a file that an array writes": [
        "vars::x=$torch.arange(3).numpy().tofile('trace')",
        "trainer::default_root_dir=@vars::x",
    ],
    "the seed": ["seed=\"$os.mkdir('trace') or 1\""],
    "an argument of the stage": ["args::fit::ckpt_path=\"$os.mkdir('trace')\""],
    "a copy of another file": ["trainer::default_root_dir='%evil.yaml::x'"],
}


def test_safe_refuses_a_trap_also_with_checks_off(trap: list[str]) -> None:
    with pytest.raises(CheckError) as caught:
        Runner().run("fit", [*trap, *SHORT], safe=True, check_first=False)
    assert "--safe" in str(caught.value)
    assert not TRACE.exists()
    with contextlib.suppress(Exception):
        Runner().run("fit", [*trap, *SHORT], check_first=False)
    assert TRACE.exists()


@pytest.fixture(params=TRAPS, ids=str)
def trap(request: pytest.FixtureRequest, system_config: str) -> list[str]:
    Path("evil.yaml").write_text("x: {_target_: os.mkdir, path: trace}\n", encoding="utf-8")
    return [system_config, *TRAPS[request.param]]


@pytest.fixture
def trained_with_a_trap(system_config: str) -> str:
    """A config that holds a trap, run once without `--safe`; its trace is removed."""
    word = TRAPS["a target"][0]
    Runner().run("fit", [system_config, word])
    TRACE.rmdir()
    return word


def test_configs_in_checkpoints_and_runs_are_judged_too(trained_with_a_trap: str) -> None:
    (run,) = Path("lighter_runs").iterdir()
    for word in ("checkpoints/last.ckpt", str(run)):
        with pytest.raises(CheckError, match=r"--safe refuses os\.mkdir, which is not on its list"):
            Runner().run("test", [word], safe=True)
        assert not TRACE.exists()
        Runner().run("test", [word, "trainer::default_root_dir=null"], safe=True)


def test_an_override_is_refused_with_its_word(system_config: str) -> None:
    with pytest.raises(CheckError) as caught:
        Runner().run("fit", [system_config, *TRAPS["a target"]], safe=True)
    assert all(str(finding.place).endswith(", argument 2") for finding in caught.value.findings)


def test_what_is_allowed_runs(system_config: str) -> None:
    Runner().run("fit", [system_config, *SHORT, *TRAPS["a target"]], safe=True, allow=["os.mkdir"])
    assert TRACE.exists()


def test_a_notebook_refuses_the_same(system_config: str) -> None:
    experiment = load_experiment(system_config, *SHORT, *TRAPS["a target"])
    for run in (experiment.fit, lambda **options: experiment.build("fit", **options)):
        with pytest.raises(CheckError, match="--safe"):
            run(safe=True)
    assert not TRACE.exists()
    assert experiment.build("fit", safe=True, allow=["os.mkdir"])


@pytest.mark.parametrize("stage", ["fit", "validate", "test", "predict"])
def test_every_stage_takes_the_options(stage: str, system_config: str, in_process: Callable[..., Any]) -> None:
    words = (stage, system_config, *SHORT, *TRAPS["a target"])
    refused = in_process(*words, "--safe")
    assert (refused.returncode, TRACE.exists()) == (1, False)
    assert "to fix             add --allow os.mkdir if you trust it" in refused.stderr
    assert in_process(*words, "--safe", "--allow", "shutil.copy", "--allow", "os.mkdir").returncode == 0
    assert TRACE.exists()


def test_allow_without_safe_is_an_error(system_config: str, in_process: Callable[..., Any]) -> None:
    answer = in_process("fit", system_config, "--allow", "os.mkdir")
    assert answer.returncode == 1
    assert "--allow needs --safe, which is missing" in answer.stderr
    assert "to fix             add --safe, or remove --allow" in answer.stderr


def test_the_users_own_project_is_allowed(module_config: str) -> None:
    Runner().run("fit", [module_config, "project=code", *SHORT], safe=True)


@pytest.mark.parametrize("given", ["key", "marker"])
def test_code_that_came_with_a_config_is_refused(given: str, system_config: str) -> None:
    Path("downloaded").mkdir()
    Path("downloaded/tools.py").write_text("import os\nos.mkdir('trace')\ndef go(): pass\n", encoding="utf-8")
    text = "trainer: {default_root_dir: {_target_: project.tools.go}}\n"
    if given == "key":
        text += "project: .\n"
    else:
        Path("downloaded/__lighter__.py").touch()
    Path("downloaded/config.yaml").write_text(text, encoding="utf-8")
    words = [system_config, "downloaded/config.yaml", *SHORT]
    with pytest.raises(
        CheckError, match=r"project\.tools\.go, which is outside the working directory or beside the config"
    ):
        Runner().run("fit", words, safe=True)
    assert not TRACE.exists()
    Runner().run("fit", words)
    assert TRACE.exists()


@pytest.mark.parametrize("folder", ["..", "/", "../elsewhere"])
def test_a_config_cannot_make_other_folders_the_users_own(
    folder: str, system_config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("elsewhere").mkdir()
    Path("elsewhere/tools.py").write_text("def go(): pass\n", encoding="utf-8")
    Path("tools.py").write_text("def go(): pass\n", encoding="utf-8")
    Path("inside").mkdir()
    monkeypatch.chdir("inside")
    target = "project.tools.go" if folder != "/" else ".".join(("project", *tmp_path.parts[1:], "tools.go"))
    words = [f"../{system_config}", f"project={folder}", f"trainer::default_root_dir={{_target_: {target}}}"]
    with pytest.raises(CheckError, match=r"--safe|the config chose"):
        Runner().run("fit", words, safe=True, check_first=False)


class Bomb:
    """Makes a folder when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(TRACE),)


ASKING = ["args={test: {weights_only: false}}", "args::test=@vars::x::test"]


@pytest.mark.parametrize("given", [*ASKING, "args={test: '$dict(weights_only=False)'}"])
def test_a_config_cannot_ask_for_unpickling(given: str, system_config: str) -> None:
    words = [system_config, "=vars::x={test: {weights_only: false}}"]
    Runner().run("fit", words)
    checkpoint = torch.load("checkpoints/last.ckpt", weights_only=True)
    torch.save(checkpoint | {"extra": Bomb()}, "bomb.ckpt")
    with pytest.raises(ConfigError):
        Runner().run("test", [*words, given], ckpt_path="bomb.ckpt", safe=True, check_first=False)
    assert not TRACE.exists()
    Runner().run("test", [*words, given], ckpt_path="bomb.ckpt", check_first=False)
    assert TRACE.exists()


def test_a_sharded_checkpoint_is_refused_without_the_option(system_config: str) -> None:
    Path("shards").mkdir()
    Path("shards/meta.pt").touch()
    with pytest.raises(ConfigError, match="safe=True refuses a folder as the checkpoint: 'shards'"):
        Runner().run("test", [system_config], ckpt_path="shards", safe=True)
    for options in ({"safe": True, "weights_only": False}, {}):
        with pytest.raises(IsADirectoryError):
            Runner().run("test", [system_config], ckpt_path="shards", **options)


def test_a_path_names_storage_only(system_config: str) -> None:
    root = "trainer::default_root_dir"
    before = dict(known_implementations)
    with pytest.raises(ValueError, match="Protocol not known: reference"):
        Runner().run("fit", [system_config, f"{root}=reference://::memory://refs.json", *SHORT], safe=True)
    assert known_implementations == before
    Runner().run("fit", [system_config, f"{root}=memory://x", *SHORT], safe=True)


@pytest.mark.parametrize("address", ["simplecache::memory://x", "git://x", "dir://x", "zip://x::memory://y"])
def test_file_systems_around_others_are_unknown_inside(address: str) -> None:
    with only_storage(), pytest.raises(ValueError, match="Protocol not known"):
        fsspec.core.url_to_fs(address)


def _keep_what_monai_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put back what importing MONAI sets."""
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


ROOTS = sorted({name.partition(".")[0] for name in listed_targets()})
MADE_FROM = {
    "lightning": "2.6.6",
    "monai": "1.6.1",
    "pytorch_lightning": "2.6.6",
    "torch": "2.13",
    "torchmetrics": "1.9",
}
"""The versions that the list was made from; earlier ones lack some of its names, later ones may drop some."""


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("package", ROOTS)
def test_every_listed_name_of_an_installed_package_exists(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _keep_what_monai_changes(monkeypatch)
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    is_as_listed = package not in MADE_FROM or Version(version(package)) >= Version(MADE_FROM[package])
    missing, modules = [], []
    for target in listed_targets():
        module, _, name = target.rpartition(".")
        if target.partition(".")[0] == package:
            value = getattr(importlib.import_module(module), name, missing)
            (missing if value is missing else modules if isinstance(value, ModuleType) else []).append(target)
    assert not modules
    assert not (missing and is_as_listed)


def test_nothing_listed_runs_unpickles_or_fetches() -> None:
    dangerous = {
        *("torch.load", "torch.hub.load", "torch.jit.load", "torch.compile", "torch.package.PackageImporter"),
        *("torch.from_file", "torch.utils.cpp_extension.load", "torch.classes.load_library", "torch.ops.load_library"),
        *("pytorch_lightning.Trainer.fit", "pytorch_lightning.LightningModule.load_from_checkpoint"),
        *("pytorch_lightning.callbacks.LambdaCallback", "pytorch_lightning.cli.LightningCLI"),
        *("pytorch_lightning.loggers.WandbLogger", "pytorch_lightning.loggers.MLFlowLogger"),
        *("monai.transforms.Lambda", "monai.transforms.Lambdad", "monai.transforms.RandLambda"),
        *("monai.transforms.LoadImage", "monai.transforms.LoadImaged", "monai.transforms.TorchVision"),
        *("monai.transforms.RandTorchVision", "monai.transforms.SaveImage", "monai.transforms.SaveImaged"),
        *("monai.bundle.run", "monai.bundle.load", "monai.bundle.download", "monai.bundle.ConfigParser"),
        *("monai.data.PersistentDataset", "monai.data.LMDBDataset", "monai.data.SmartCacheDataset"),
        *("monai.data.CSVDataset", "monai.data.ImageDataset", "monai.apps.download_url", "monai.losses.PerceptualLoss"),
        *("torchmetrics.text.BERTScore", "torchmetrics.text.InfoLM", "torchmetrics.multimodal.CLIPScore"),
        *("lighter.callbacks.register_file_format", "math.eval", "torch.os", "torch.hub", "torch.utils.data.datapipes"),
    }
    assert not dangerous & listed_targets()
    modules = {target.rpartition(".")[0] for target in listed_targets()}
    assert not modules & {
        "os",
        "sys",
        "builtins",
        "subprocess",
        "importlib",
        "functools",
        "operator",
        "pickle",
        "shutil",
    }


@pytest.fixture
def objects(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Objects of listed classes, as a config builds them, and what hangs below them."""
    _keep_what_monai_changes(monkeypatch)
    profiler = pytorch_lightning.profilers.AdvancedProfiler()
    with profiler.profile("training"):
        pass
    trainers = [
        pytorch_lightning.Trainer(
            accelerator="cpu",
            devices=1,
            logger=logger,
            profiler=trainers_profiler,
            callbacks=[pytorch_lightning.callbacks.ModelCheckpoint(dirpath="checkpoints")],
        )
        for logger, trainers_profiler in (
            (pytorch_lightning.loggers.CSVLogger("logs"), profiler),
            (pytorch_lightning.loggers.TensorBoardLogger("logs"), pytorch_lightning.profilers.PyTorchProfiler()),
        )
    ]
    return [
        *trainers,
        *(trainer.logger for trainer in trainers),
        profiler,
        lighter.callbacks.CsvWriter("p.csv", ["pred"]),
        lighter.callbacks.FileWriter("out", "pred", "tensor"),
        pytorch_lightning.LightningModule(),
        pytorch_lightning.LightningDataModule(),
        pytorch_lightning.strategies.DDPStrategy(),
        torch.utils.data.DataLoader([1]),
        torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1),
        torch.zeros(1).numpy(),
    ]


def listed_objects() -> Iterator[tuple[str, Any]]:
    for target in sorted(listed_targets()):
        module, _, name = target.rpartition(".")
        if find_spec(module.partition(".")[0]) is not None:
            yield target, getattr(importlib.import_module(module), name, None)


def listed_classes() -> Iterator[type]:
    return (found for _, found in listed_objects() if isinstance(found, type))


_CALLED_BY_A_RUN = ("__new__", "__init__", "__call__", "forward", "update", "compute", "__getitem__", "__iter__")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_nothing_listed_imports_what_an_argument_names(monkeypatch: pytest.MonkeyPatch) -> None:
    _keep_what_monai_changes(monkeypatch)
    found = {}
    for target, value in listed_objects():
        is_class = isinstance(value, type)
        members = [inspect.getattr_static(value, name, None) for name in _CALLED_BY_A_RUN] if is_class else [value]
        for member in members:
            if why := reason(member, value if is_class else None, calls=imports_an_argument):
                found[target] = why
    assert not found


def test_a_class_that_imports_what_an_argument_names_is_found() -> None:
    class Wrapped:
        def __init__(self, name: str) -> None:
            self.inside = self.load(name)

        def load(self, name: str) -> Any:
            return importlib.import_module(name)

        def fixed(self) -> Any:
            return importlib.import_module("math")

    assert reason(Wrapped.__init__, Wrapped, calls=imports_an_argument) == "load > importlib.import_module(name)"
    assert not reason(Wrapped.fixed, Wrapped, calls=imports_an_argument)


_REVIEWED = set(
    (  # noqa: SIM905
        # views, and copies into new memory, whose bounds are checked
        "T as_strided as_strided_ as_strided_scatter as_subclass astype data detach flags from_bytes hex imag "
        "is_set_to item nbytes real release resize_ shape storage_offset tobytes tolist view "
        # facts about the layout of memory, and pickled bytes, which nothing reads
        "aligned behaved c_contiguous carray contiguous dumps f_contiguous farray fnc forc fortran hasobject "
        "is_sparse is_sparse_csr num owndata resolve_dtypes writeable writebackifcopy "
        # arithmetic and layouts without documentation, or whose names say that gradients are not checked
        "abbr at bits ccol_indices clamp_max clamp_max_ clamp_min clamp_min_ device dtype eps get_offset grad_fn "
        "hash_tensor index index_reduce is_complex is_distributed is_floating_point is_ipu is_maia is_mkldnn is_mtia "
        "is_nested is_nonzero is_same_size is_signed is_vulkan is_xla itemsize layout log_softmax map2_ max min name "
        "output_nr prelu relu relu_ resize_as_sparse_ resolution row_indices set_offset slice_inverse "
        "smallest_normal split_with_sizes tiny to_complex to_real to_sparse_bsc to_sparse_bsr to_sparse_csc "
        "to_sparse_csr type unsafe_chunk unsafe_split unsafe_split_with_sizes volatile"
    ).split()
)
"""Compiled methods that an expression may use, which do no more than compute: a new one needs a look."""


def test_compiled_methods_about_memory_are_refused_or_reviewed() -> None:
    array, torchs = np.zeros(1), (torch.Tensor, torch.Generator, torch.Size, torch.device, torch.dtype, torch.finfo)
    arrays = (np.ndarray, np.generic, np.dtype, np.ufunc, type(array.flat), type(array.flags))
    plain = (str, bytes, bytearray, memoryview, int, float, complex, dict, list, tuple, set, frozenset, type)
    names = set(compiled_names((*torchs, torch.iinfo, *arrays, *plain)))
    assert {"new", "tofile", "const_data_ptr"} <= names
    assert {name for name in names if is_harmless(name)} <= _REVIEWED


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_methods_that_run_text_or_touch_files_are_refused(objects: list[Any]) -> None:
    held = [value for _, value in reachable(objects, depth=4)]
    kinds = {type(value) for value in held if not isinstance(value, ModuleType)}
    assert {cProfile.Profile, pytorch_lightning.Trainer, torch.Tensor} <= kinds
    kinds |= {*listed_classes(), torch.profiler.profile, _SubprocessScriptLauncher, type(Path())}
    found = {
        name: f"{kind.__name__}: {why}" for kind, name, member in public_methods(kinds) if (why := reason(member, kind))
    }
    assert len(found) > 40
    assert "Profile: exec" in found.values()
    # text has a method of this name; no path is reachable, see the next test
    assert {name: why for name, why in found.items() if is_harmless(name)}.keys() <= {"replace"}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_no_path_or_module_is_reachable_by_attributes_that_are_allowed(objects: list[Any]) -> None:
    reached = dict(reachable(objects, depth=4, follows=is_harmless))
    assert not {way for way, value in reached.items() if isinstance(value, Path | ModuleType)}
    kinds = {*listed_classes(), *map(type, objects)}
    roads = {
        f"{kind.__name__}.{name}"
        for kind, name, member in public_methods(kinds)
        if is_harmless(name) and inspect.isfunction(member) and "Path" in str(member.__annotations__.get("return"))
    }
    assert not roads


@pytest.mark.parametrize(
    "expression",
    [
        "$@vars::held.profiled_actions['a'].run('open(\\'trace\\', \\'w\\')')",
        "$@vars::held.profiled_actions['a'].dump_stats('trace')",
        "$@vars::saver.to_yaml('trace')",
        "$@vars::writer.output_path('predict').write_text('x')",
        "$@vars::writer.path",
        "$@vars::writer._path",
    ],
)
def test_a_method_of_a_listed_object_does_no_more_than_training(expression: str, system_config: str) -> None:
    held = {
        "held": {"_target_": "pytorch_lightning.profilers.AdvancedProfiler"},
        "saver": {"_target_": "pytorch_lightning.callbacks.ModelCheckpoint"},
        "writer": {"_target_": "lighter.callbacks.CsvWriter", "path": "trace", "keys": ["pred"]},
    }
    config = {"vars": held, "trainer": {"default_root_dir": expression}}
    with pytest.raises(ConfigError):
        Runner().run("fit", [system_config, config, *SHORT], safe=True, check_first=False)
    assert not TRACE.exists()
