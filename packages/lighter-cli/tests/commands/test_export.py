"""Export a trained network, and use the file as its reader would."""

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from lighter_cli import Runner, load_network
from lighter_cli.exporting.formats import FORMATS
from lighter_cli.runs.record import Record, read_records

Command = Callable[..., object]

ONNX = ("onnx", "onnxscript", "onnxruntime")


@pytest.fixture
def trained(system_config: str) -> Record:
    Runner().run("fit", [system_config])
    (record,) = read_records(Path.cwd())
    return record


def test_state_dict_fits_the_network_by_hand(trained: Record, in_process) -> None:
    result = in_process("export", str(trained.folder))
    assert result.returncode == 0, result.stderr
    network = nn.Linear(4, 2)
    network.load_state_dict(torch.load(f"{trained.folder.name}.pt", weights_only=True))
    assert torch.equal(network(torch.ones(3, 4)), load_network(trained.folder)(torch.ones(3, 4)))
    assert "weights differ from the network's by at most 0" in result.stdout


@pytest.mark.parametrize("name", [name for name, given in FORMATS.items() if given.is_graph or given.packages])
def test_each_format_gives_the_networks_outputs_for_any_batch(trained: Record, in_process, name: str) -> None:
    for package in FORMATS[name].packages:
        pytest.importorskip(package)
    result = in_process("export", str(trained.folder), "--format", name, "--input", "1,4", "-o", "network")
    assert result.returncode == 0, result.stderr
    network = load_network(trained.folder)
    inputs = torch.randn(7, 4)
    (theirs,) = torch.utils._pytree.tree_leaves(FORMATS[name].read(Path("network"), network)(inputs))
    torch.testing.assert_close(theirs, network(inputs))
    assert "outputs differ from the network's by at most" in result.stdout
    Path("other").touch()
    assert Path("network").stat().st_mode == Path("other").stat().st_mode
    if FORMATS[name].is_graph:
        assert "batches of any size" in result.stdout


@pytest.mark.parametrize("name", ["torchscript", "torch.export"])
def test_what_torch_reports_of_its_own_formats_is_left_out(trained: Record, lighter: Command, name: str) -> None:
    done = lighter("export", str(trained.folder), "--format", name, "--input", "1,4", "-o", "network")
    assert [line.partition(" ")[0] for line in done.stderr.splitlines()] == ["best"]
    assert ("deprecated       by torch: use --format torch.export for new files" in done.stdout) is (
        name == "torchscript"
    )


def test_network_of_two_inputs_is_exported(write, in_process, system_config: str) -> None:
    write("code/__init__.py", "")
    write(
        "code/net.py",
        """\
        import torch
        from torch import nn

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.linear = nn.Linear(4, 2)
                self.embedding = nn.Embedding(10, 2)

            def forward(self, x, index=None):
                y = self.linear(x)
                return {"y": y, "z": y if index is None else y + self.embedding(index)}
    """,
    )
    config = {
        "project": "code",
        "system": {"model": {"_target_": "project.net.Net"}, "criterion": {"_target_": "project.loss.Loss"}},
    }
    write(
        "code/loss.py",
        """\
        class Loss:
            def __call__(self, pred, target):
                return pred["y"].pow(2).mean()
    """,
    )
    Runner().run(
        "fit",
        [system_config, "~system::model", "~system::criterion", "~system::metrics", "~trainer::callbacks", config],
    )
    (record,) = read_records(Path.cwd())
    result = in_process(
        "export", str(record.folder), "--format", "torch.export", "--input", "1,4", "--input", "1:int64"
    )
    assert result.returncode == 0, result.stderr
    program = torch.export.load(f"{record.folder.name}.pt2").module()
    given = torch.randn(5, 4), torch.tensor([1, 2, 3, 4, 5])
    torch.testing.assert_close(program(*given), load_network(record.folder)(*given))


def test_network_whose_graph_depends_on_values_is_not_exported(write, in_process, system_config: str) -> None:
    write(
        "code/net.py",
        """\
        from torch import nn

        class Net(nn.Linear):
            def forward(self, x):
                y = super().forward(x)
                return y if x.sum() > 0 else -y
    """,
    )
    network = {"_target_": "project.net.Net", "in_features": 4, "out_features": 2}
    Runner().run("fit", [system_config, "~system::model", {"project": "code", "system": {"model": network}}])
    (record,) = read_records(Path.cwd())
    result = in_process("export", str(record.folder), "--format", "torch.export", "--input", "1,4")
    assert result.returncode == 1
    assert "the network cannot be exported as torch.export" in result.stderr
    assert "state_dict takes every network" in result.stderr
    assert not [file for file in Path.cwd().iterdir() if file.suffix in (".pt2", ".partial")]


def test_network_that_draws_numbers_cannot_be_compared(write, in_process, system_config: str) -> None:
    write(
        "code/net.py",
        """\
        import torch
        from torch import nn

        class Net(nn.Linear):
            def forward(self, x):
                return super().forward(x) + torch.rand(1)
    """,
    )
    network = {"_target_": "project.net.Net", "in_features": 4, "out_features": 2}
    Runner().run("fit", [system_config, "~system::model", {"project": "code", "system": {"model": network}}])
    (record,) = read_records(Path.cwd())
    result = in_process("export", str(record.folder), "--format", "torchscript", "--input", "2,4")
    assert result.returncode == 1
    assert "gives other outputs for the same input each time" in result.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--format", "onnx"], "--input is missing"),
        (["--format", "torchscript", "--input", "1;4"], "'1;4' is not a shape"),
        (["--format", "torchscript", "--input", "1,4:flaot32"], "float32"),
        (["--format", "torchscript", "--input", "1,5"], "the network cannot take inputs of shape 1,5"),
        (["-o", "absent/network.pt"], "absent/network.pt cannot be written"),
    ],
)
def test_wrong_arguments_are_explained(trained: Record, in_process, words: list[str], message: str) -> None:
    result = in_process("export", str(trained.folder), *words)
    assert result.returncode == 1
    assert message in result.stderr


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.ENOSPC, "network.ts cannot be written: No space left on device"),
        (errno.EACCES, "the network cannot be exported as torchscript: [Errno 13] Permission denied: 'classes.txt'"),
    ],
)
def test_a_file_that_the_network_reads_is_not_the_file_that_is_written(
    trained: Record, in_process, monkeypatch: pytest.MonkeyPatch, number: int, message: str
) -> None:
    def failing(*_: object) -> None:
        raise OSError(number, os.strerror(number), "classes.txt")

    monkeypatch.setitem(FORMATS, "torchscript", replace(FORMATS["torchscript"], write=failing))
    result = in_process("export", str(trained.folder), "--format", "torchscript", "--input", "1,4", "-o", "network.ts")
    assert result.returncode == 1
    assert f"error: {message}\n" in result.stderr
    assert not list(Path().glob("*network*"))


def test_missing_package_is_named(trained: Record, in_process, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lighter_cli.exporting.export.find_spec", lambda name: None)
    result = in_process("export", str(trained.folder), "--format", "safetensors")
    assert result.returncode == 1
    assert "--format safetensors needs safetensors, which is not installed" in result.stderr
    assert "pip install safetensors" in result.stderr


def test_existing_file_is_kept_when_the_export_fails(trained: Record, in_process) -> None:
    Path("kept.ts").write_text("mine")
    assert (
        in_process(
            "export", str(trained.folder), "--format", "torchscript", "--input", "1,5", "-o", "kept.ts"
        ).returncode
        == 1
    )
    assert Path("kept.ts").read_text() == "mine"
