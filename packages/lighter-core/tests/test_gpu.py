"""Training on one NVIDIA GPU, and the same on the CPU where it can be, so that the tests themselves run everywhere."""

import csv
import gc
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.strategies import FSDPStrategy
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics.classification import MulticlassAccuracy

from lighter import LighterModule, System
from lighter.callbacks import CsvWriter, FileWriter
from lighter.resumable import ResumableDataLoader

ON_GPU = pytest.param("gpu", marks=pytest.mark.gpu)


@pytest.fixture
def data() -> TensorDataset:
    generator = torch.Generator().manual_seed(0)
    return TensorDataset(torch.randn(20, 4, generator=generator), torch.randint(3, (20,), generator=generator))


@pytest.fixture
def make_system(data: TensorDataset) -> Callable[..., System]:
    def make(network: nn.Module | None = None, *, train: DataLoader | None = None, **options: Any) -> System:
        torch.manual_seed(1)
        network = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)) if network is None else network
        loader = DataLoader(data, batch_size=6)
        return System(
            network,
            {"train": train or loader, "val": loader, "test": loader, "predict": loader},
            optimizer=torch.optim.AdamW(network.parameters(), lr=0.01),
            criterion=nn.CrossEntropyLoss(),
            metrics={mode: MulticlassAccuracy(3, average="micro", validate_args=False) for mode in ("train", "val")},
            **options,
        )

    return make


@pytest.mark.parametrize("accelerator", ["cpu", ON_GPU])
@pytest.mark.parametrize(("precision", "tolerance"), [("32-true", 1e-5), ("bf16-mixed", 2e-2)])
def test_epoch_values_are_those_of_the_final_network(
    make_system, make_trainer, data, epochs, accelerator: str, precision: str, tolerance: float
) -> None:
    system = make_system()
    make_trainer(accelerator=accelerator, precision=precision, callbacks=[epochs]).fit(system)
    network = system.network.cpu()
    with torch.no_grad():
        pred = network(data.tensors[0])
    assert epochs.val[-1]["val/loss/epoch"] == pytest.approx(
        nn.functional.cross_entropy(pred, data.tensors[1]).item(), rel=tolerance
    )
    if precision == "32-true":
        share = (pred.argmax(dim=1) == data.tensors[1]).float().mean().item()
        assert epochs.val[-1]["val/metrics/MulticlassAccuracy/epoch"] == pytest.approx(share)
    assert epochs.train[1]["train/loss/epoch"] < epochs.train[0]["train/loss/epoch"]


@pytest.mark.gpu
@pytest.mark.filterwarnings(
    "ignore:The .grad attribute of a Tensor",
    "ignore:TensorFloat32 tensor cores",
    "ignore:`torch.jit.script_method` is deprecated",  # the compiler of torch 2.11 is imported when it is needed
    r"ignore:\s*Online softmax is disabled",
)
@pytest.mark.parametrize("compiled", ["network", "module"])
def test_compiled_on_the_gpu_it_logs_the_same(make_system, make_trainer, epochs, compiled: str) -> None:
    torch.manual_seed(1)
    network = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    system = make_system(torch.compile(network) if compiled == "network" else network)
    model = torch.compile(system) if compiled == "module" else system
    make_trainer(accelerator="gpu", callbacks=[epochs]).fit(model)
    compiled_losses = [values["train/loss/epoch"] for values in epochs.train]
    epochs.train.clear()
    make_trainer(accelerator="gpu", callbacks=[epochs]).fit(make_system())
    assert compiled_losses == pytest.approx([values["train/loss/epoch"] for values in epochs.train], rel=1e-4)


@pytest.mark.parametrize("accelerator", ["cpu", ON_GPU])
def test_a_resumed_fit_equals_an_uninterrupted_one(
    make_system, make_trainer, data, epochs, tmp_path, accelerator: str
) -> None:
    def loader() -> ResumableDataLoader:
        return ResumableDataLoader(data, batch_size=6, shuffle=True, generator=torch.Generator().manual_seed(3))

    class SaveInTheMiddle(Callback):
        def on_train_batch_end(self, trainer: Trainer, *args: Any) -> None:
            if trainer.global_step == 6:
                trainer.save_checkpoint(tmp_path / "middle.ckpt")

    whole = make_system(train=loader())
    make_trainer(accelerator=accelerator, max_epochs=3, callbacks=[epochs, SaveInTheMiddle()]).fit(whole)
    expected = [values["train/loss/epoch"] for values in epochs.train][1:]
    epochs.train.clear()
    resumed = make_system(train=loader())
    trainer = make_trainer(accelerator=accelerator, max_epochs=3, callbacks=[epochs])
    trainer.fit(resumed, ckpt_path=tmp_path / "middle.ckpt", weights_only=True)
    assert [values["train/loss/epoch"] for values in epochs.train] == pytest.approx(expected)
    for after, before in zip(resumed.network.parameters(), whole.network.parameters(), strict=True):
        torch.testing.assert_close(after.cpu(), before.cpu())


@pytest.mark.parametrize("accelerator", ["cpu", ON_GPU])
def test_writers_take_tensors_from_the_device(make_system, make_trainer, data, tmp_path, accelerator: str) -> None:
    system = make_system()
    writers = [CsvWriter(tmp_path / "preds.csv", keys=["pred"]), FileWriter(tmp_path / "files")]
    make_trainer(accelerator=accelerator, callbacks=writers).predict(system, return_predictions=False)
    with torch.no_grad():
        expected = system.network.cpu()(data.tensors[0])
    with (tmp_path / "preds.csv").open() as file:
        rows = [[float(cell) for cell in row[1:]] for row in list(csv.reader(file))[1:]]
    torch.testing.assert_close(torch.tensor(rows), expected, rtol=1e-3, atol=1e-4)
    saved = [torch.load(file, weights_only=True) for file in sorted((tmp_path / "files").glob("*.pt"))]
    assert {tensor.device.type for tensor in saved} == {"cpu"}
    torch.testing.assert_close(torch.stack(saved), expected, rtol=1e-3, atol=1e-4)


class _NoSynchronization(Callback):
    """Raise when the host waits for the device inside a training step that is not written."""

    def on_train_batch_start(self, trainer: Trainer, *args: Any) -> None:
        if trainer.global_step >= 2:  # the first steps allocate, and read the optimizer's numbers
            torch.cuda.set_sync_debug_mode("error")

    def on_train_batch_end(self, *args: Any) -> None:
        torch.cuda.set_sync_debug_mode("default")


class _OnDevice:
    """Batches that are on the device already, so that the copy of a batch is not what waits."""

    def __init__(self, batches: list[tuple[torch.Tensor, torch.Tensor]]) -> None:
        self.batches = batches

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        return iter(self.batches)

    def __len__(self) -> int:
        return len(self.batches)


@pytest.mark.filterwarnings("ignore:Synchronization debug mode is a prototype")
@pytest.mark.parametrize("accelerator", ["cpu", ON_GPU])
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_a_step_that_is_not_written_never_waits_for_the_gpu(
    make_system, make_trainer, data, epochs, rows, accelerator: str, precision: str
) -> None:
    device = "cuda" if accelerator == "gpu" else "cpu"
    batch = tuple(tensor.to(device) for tensor in data.tensors)
    system = make_system(train=_OnDevice([batch] * 8))
    trainer = make_trainer(
        accelerator=accelerator,
        precision=precision,
        max_epochs=1,
        limit_val_batches=0,
        logger=rows,
        log_every_n_steps=1000,
        callbacks=[_NoSynchronization(), epochs] if accelerator == "gpu" else [epochs],
    )
    try:
        trainer.fit(system)
    finally:
        if accelerator == "gpu":
            torch.cuda.set_sync_debug_mode("default")
    assert not rows.of("train/loss/step")
    assert epochs.train[0].keys() >= {"train/loss/epoch", "train/metrics/MulticlassAccuracy/epoch"}


class _AllocatedAfterEachEpoch(Callback):
    """Reads how many bytes of the device are in tensors when an epoch has ended."""

    def __init__(self) -> None:
        self.read: list[int] = []

    def on_train_epoch_end(self, *args: Any) -> None:
        torch.cuda.synchronize()
        self.read.append(torch.cuda.memory_allocated())


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_memory_of_the_gpu_does_not_grow(make_system, make_trainer, rows, precision: str) -> None:
    memory = _AllocatedAfterEachEpoch()
    make_trainer(accelerator="gpu", precision=precision, max_epochs=30, logger=rows, callbacks=[memory]).fit(
        make_system()
    )
    assert len(memory.read) == 30
    assert max(memory.read[2:]) == memory.read[2]  # the first epochs make the states of the optimizer and the metrics


@pytest.mark.gpu
def test_no_tensor_stays_on_the_gpu_with_the_values_of_a_finished_fit(make_system, make_trainer, epochs) -> None:
    def fit() -> None:
        make_trainer(accelerator="gpu", max_epochs=3, callbacks=[epochs]).fit(make_system())

    fit()
    gc.collect()
    before = torch.cuda.memory_allocated()
    fit()
    gc.collect()
    assert torch.cuda.memory_allocated() == before


@pytest.mark.gpu
def test_values_of_two_devices_meet_in_one_epoch_value(make_trainer, data, epochs) -> None:
    class LossOnTheHost(LighterModule):
        def training_step(self, batch: Any, batch_idx: int) -> dict[str, Any]:
            pred = self.network(batch[0])
            loss = nn.functional.cross_entropy(pred, batch[1])
            on_host = loss.detach().cpu() if batch_idx % 2 else loss.detach()
            return {"loss": {"total": loss, "seen": on_host}, "pred": pred, "target": batch[1]}

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=0.0)

    torch.manual_seed(1)
    module = LossOnTheHost(nn.Linear(4, 3))
    make_trainer(accelerator="gpu", callbacks=[epochs]).fit(module, DataLoader(data, batch_size=5))
    for values in epochs.train:
        assert values["train/loss/seen/epoch"] == pytest.approx(values["train/loss/total/epoch"], rel=1e-6)


@pytest.fixture
def process_group_of_one(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Say where the process is in its group, as a cluster does, and leave nothing of the group."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": 1, "NODE_RANK": 0, "LOCAL_RANK": 0}
    for name, value in place.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # torch sets one that names the rank
    yield
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


@pytest.mark.filterwarnings("ignore")  # FSDP of one device warns that it shards nothing
@pytest.mark.parametrize(
    ("accelerator", "strategy"), [("cpu", "ddp"), pytest.param("gpu", "fsdp", marks=pytest.mark.gpu)]
)
@pytest.mark.usefixtures("process_group_of_one")
def test_a_process_group_of_one_trains_and_resumes(
    make_system, make_trainer, epochs, tmp_path, accelerator: str, strategy: str
) -> None:
    def fit(max_epochs: int, ckpt_path: Path | None = None) -> None:
        wrapping = FSDPStrategy(state_dict_type="full") if strategy == "fsdp" else strategy
        trainer = make_trainer(
            accelerator=accelerator, strategy=wrapping, max_epochs=max_epochs, callbacks=[epochs, SaveEachEpoch()]
        )
        trainer.fit(make_system(), ckpt_path=ckpt_path)

    class SaveEachEpoch(Callback):
        def on_train_epoch_end(self, trainer: Trainer, pl_module: nn.Module) -> None:
            trainer.save_checkpoint(tmp_path / f"{trainer.current_epoch}.ckpt")

    fit(3)
    whole = [values["train/loss/epoch"] for values in epochs.train]
    assert whole[0] > whole[1] > whole[2]
    epochs.train.clear()
    fit(3, tmp_path / "1.ckpt")
    assert [values["train/loss/epoch"] for values in epochs.train] == pytest.approx(whole[2:], rel=1e-5)
