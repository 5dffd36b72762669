import csv
import os
import resource
import shutil
import subprocess
import sys
import time
from functools import partial
from multiprocessing.util import Finalize
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, RandomSampler, default_collate
from torchmetrics.classification import MulticlassAccuracy

from lighter import System
from lighter.adapters import BatchAdapter, LoggingAdapter
from lighter.callbacks import CsvWriter
from lighter.errors import WriterError


class Numbers(Dataset):
    """Sample ``i`` holds the number ``i``, its name and a target."""

    def __init__(self, size=10, names=None):
        self.names = names or [f"scan.{i}" for i in range(size)]

    def __len__(self):
        return len(self.names)

    def __getitem__(self, index):
        return {"input": torch.tensor([float(index)]), "identifier": self.names[index], "target": index % 3}


class Tripler(pl.LightningModule):
    """Predicts ``[x, 2x, 3x]`` and trains a single weight."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, x):
        return x * self.weight * torch.tensor([1.0, 2.0, 3.0])

    def training_step(self, batch, batch_idx):
        return self(batch["input"]).mean()

    def _output(self, batch):
        pred = self(batch["input"])
        return {**batch, "pred": pred, "loss": pred.mean(), "metrics": {"Mean": pred.mean()}, "epoch": 0}

    def validation_step(self, batch, batch_idx, dataloader_idx=0):
        return self._output(batch)

    def test_step(self, batch, batch_idx, dataloader_idx=0):
        return self._output(batch)

    def predict_step(self, batch, batch_idx, dataloader_idx=0):
        return {**self._output(batch), "loss": None, "metrics": None}

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.0)


def trainer(tmp_path, *callbacks, **options):
    return pl.Trainer(
        default_root_dir=tmp_path,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=list(callbacks),
        **{"accelerator": "cpu", "devices": 1, **options},
    )


def predict(tmp_path, writer, dataset=None, module=None, **options):
    loader = DataLoader(dataset or Numbers(), batch_size=4, **options)
    return trainer(tmp_path, writer).predict(module or Tripler(), loader)


def rows(file):
    with Path(file).open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def leftovers(folder):
    """Return what writers have left; folders may vanish meanwhile."""
    walked = os.walk(folder)
    return [Path(root, name) for root, folders, files in walked for name in (*folders, *files) if ".partial" in name]


def test_predict_writes_a_row_a_sample_and_a_column_a_key(tmp_path):
    file = tmp_path / "out" / "preds.csv"
    keys = ["identifier", "input", "target", "pred", "loss", "metrics", "epoch"]
    predict(tmp_path, CsvWriter(file, keys))
    table = rows(file)
    assert list(table[0]) == [
        "index",
        "identifier",
        "input",
        "target",
        "pred/0",
        "pred/1",
        "pred/2",
        "loss",
        "metrics",
        "epoch",
    ]
    assert [row["index"] for row in table] == [str(i) for i in range(10)]
    assert table[7] == {
        "index": "7",
        "identifier": "scan.7",
        "input": "7.0",
        "target": "1",
        "pred/0": "7.0",
        "pred/1": "14.0",
        "pred/2": "21.0",
        "loss": "",
        "metrics": "",
        "epoch": "0",
    }
    assert not leftovers(tmp_path)


def test_the_file_is_plain_csv(tmp_path):
    class Sparse(Tripler):
        def predict_step(self, batch, batch_idx):
            return {"empty": None, "name": batch["identifier"]}

    dataset = Numbers(names=["a", 'b,"c"'])
    predict(tmp_path, CsvWriter(tmp_path / "preds.csv", ["empty"]), dataset, Sparse())
    assert (tmp_path / "preds.csv").read_bytes() == b"index,empty\n0,\n1,\n"
    predict(tmp_path, CsvWriter(tmp_path / "preds.csv", ["name", "empty"]), dataset, Sparse())
    assert (tmp_path / "preds.csv").read_bytes() == b'index,name,empty\n0,a,\n1,"b,""c""",\n'


def test_a_function_makes_a_column_of_labels_from_logits(tmp_path):
    file = tmp_path / "preds.csv"
    predict(tmp_path, CsvWriter(file, {"label": lambda output: output["pred"].argmax(1), "name": "identifier"}))
    assert rows(file)[3] == {"index": "3", "label": "2", "name": "scan.3"}


def test_a_tensor_from_predict_step_is_the_prediction(tmp_path):
    """A bare tensor and any writer raised `Boolean value of Tensor is ambiguous`."""

    class Bare(Tripler):
        def predict_step(self, batch, batch_idx):
            return self(batch["input"])[:, 0]

    predict(tmp_path, CsvWriter(tmp_path / "preds.csv", ["pred"]), module=Bare())
    assert [row["pred"] for row in rows(tmp_path / "preds.csv")] == [f"{float(i)}" for i in range(10)]


def test_predictions_that_the_trainer_returns_are_untouched(tmp_path):
    """A writer cut the returned predictions to the last batch."""
    returned = predict(tmp_path, CsvWriter(tmp_path / "preds.csv", ["pred"]))
    assert [len(batch["pred"]) for batch in returned] == [4, 4, 2]
    assert torch.equal(torch.cat([batch["input"] for batch in returned]).flatten(), torch.arange(10.0))


@pytest.mark.parametrize(
    "text", ["NA", "null", "", "a,b", 'say "x"', "two\nlines", "two\rlines", "é日", "007", "x" * 200_000]
)
def test_text_survives_as_it_is(tmp_path, text):
    """Pandas turned `NA` into an empty cell; the csv module alone would refuse to read back long cells."""
    predict(tmp_path, CsvWriter(tmp_path / "preds.csv", ["identifier"]), Numbers(names=[text, "b"]))
    csv.field_size_limit(1_000_000)
    try:
        assert rows(tmp_path / "preds.csv")[0]["identifier"] == text
    finally:
        csv.field_size_limit(131_072)


@pytest.mark.filterwarnings("ignore:.*sampler has shuffling enabled")
def test_rows_of_a_shuffled_predict_are_in_dataset_order(tmp_path):
    predict(tmp_path, CsvWriter(tmp_path / "preds.csv", ["identifier"]), shuffle=True)
    assert [row["identifier"] for row in rows(tmp_path / "preds.csv")] == [f"scan.{i}" for i in range(10)]


@pytest.mark.filterwarnings("ignore:.*sampler has shuffling enabled")
@pytest.mark.parametrize("files_at_once", [2, 3, 14, 15, 64])
def test_many_shuffled_rows_are_sorted_in_runs(tmp_path, monkeypatch, files_at_once):
    monkeypatch.setattr("lighter.callbacks.writers.row_table._ROWS_IN_MEMORY", 7)
    monkeypatch.setattr("lighter.callbacks.writers.row_table._FILES_AT_ONCE", files_at_once)
    predict(tmp_path, CsvWriter(tmp_path / "preds.csv", ["identifier"]), Numbers(100), shuffle=True)
    assert [row["identifier"] for row in rows(tmp_path / "preds.csv")] == [f"scan.{i}" for i in range(100)]
    assert not leftovers(tmp_path)


def test_worker_processes_do_not_change_the_order(tmp_path):
    predict(tmp_path, CsvWriter(tmp_path / "preds.csv", ["identifier"]), num_workers=2)
    assert [row["identifier"] for row in rows(tmp_path / "preds.csv")] == [f"scan.{i}" for i in range(10)]


SYSTEM_KEYS = ["identifier", "input", "target", "pred", "loss", "metrics", "step", "epoch"]


@pytest.mark.parametrize("mode", ["val", "test", "predict"])
def test_output_of_a_system_fills_a_table(tmp_path, mode):
    """Every key of the output dict: identifier, input, target, pred, loss, metrics, step, epoch."""
    loader = DataLoader(Numbers(6), batch_size=4)
    batch = BatchAdapter("input", "target", "identifier")
    network = nn.Linear(1, 3)
    system = System(
        network,
        {"train": loader, "val": loader, mode: loader},
        optimizer=torch.optim.SGD(network.parameters(), lr=0.01),
        criterion=nn.CrossEntropyLoss(),
        metrics={mode: MulticlassAccuracy(num_classes=3)} if mode != "predict" else None,
        adapters={
            "train": {"batch": batch},
            "val": {"batch": batch},
            mode: {"batch": batch, "logging": LoggingAdapter(pred_transforms=lambda pred: pred.argmax(dim=1))},
        },
    )
    fitting = trainer(tmp_path, CsvWriter(tmp_path / "out.csv", SYSTEM_KEYS, modes=[mode]), max_epochs=2)
    fitting.fit(system)
    if mode == "test":
        fitting.test(system, verbose=False)
    if mode == "predict":
        fitting.predict(system)
    table = rows(tmp_path / "out.csv")
    assert [row["index"] for row in table] == list("012345")
    assert table[4]["identifier"] == "scan.4"
    assert table[4]["target"] == "1"
    with torch.no_grad():
        assert [int(row["pred"]) for row in table] == network(torch.arange(6.0)[:, None]).argmax(dim=1).tolist()
    assert (table[0]["loss"] != "") == (mode == "val")


def test_loaders_share_a_file_with_a_column_for_the_loader(tmp_path):
    loaders = [DataLoader(Numbers(3), batch_size=2), DataLoader(Numbers(5), batch_size=2)]
    trainer(tmp_path, CsvWriter(tmp_path / "preds.csv", ["identifier"])).predict(Tripler(), loaders)
    table = [(row["dataloader_idx"], row["index"], row["identifier"]) for row in rows(tmp_path / "preds.csv")]
    assert table == [("0", str(i), f"scan.{i}") for i in range(3)] + [("1", str(i), f"scan.{i}") for i in range(5)]


def test_validation_in_fit_keeps_rows_of_the_last_epoch(tmp_path):
    class Epochs(Tripler):
        def validation_step(self, batch, batch_idx):
            return {**super().validation_step(batch, batch_idx), "epoch": self.current_epoch}

    file = tmp_path / "val.csv"
    loaders = DataLoader(Numbers(), batch_size=4), DataLoader(Numbers(6), batch_size=4)
    trainer(tmp_path, CsvWriter(file, ["epoch", "identifier"], modes=["val"]), max_epochs=2).fit(Epochs(), *loaders)
    assert [(row["index"], row["epoch"]) for row in rows(file)] == [(str(i), "1") for i in range(6)]
    assert [path.name for path in tmp_path.iterdir()] == ["val.csv"]


def test_each_of_several_modes_writes_its_own_file(tmp_path):
    writer = CsvWriter(tmp_path / "preds.v1.csv", ["pred", "loss"], modes=["val", "test"])
    tested = trainer(tmp_path, writer)
    tested.validate(Tripler(), DataLoader(Numbers(3), batch_size=2), verbose=False)
    tested.test(Tripler(), DataLoader(Numbers(5), batch_size=2), verbose=False)
    assert len(rows(tmp_path / "preds.v1.val.csv")) == 3
    assert len(rows(tmp_path / "preds.v1.test.csv")) == 5
    assert rows(tmp_path / "preds.v1.test.csv")[4]["loss"] == "8.0"


def test_validation_rows_keep_their_index_without_results(tmp_path):
    class Skips(Tripler):
        def validation_step(self, batch, batch_idx):
            return super().validation_step(batch, batch_idx) if batch_idx != 1 else None

    writer = CsvWriter(tmp_path / "val.csv", ["identifier"], modes=["val"])
    trainer(tmp_path, writer).validate(Skips(), DataLoader(Numbers(), batch_size=4), verbose=False)
    assert [row["index"] for row in rows(tmp_path / "val.csv")] == ["0", "1", "2", "3", "8", "9"]


def test_a_shuffling_validation_loader_is_warned_of(tmp_path):
    dataset = Numbers()
    loader = DataLoader(dataset, batch_size=4, sampler=RandomSampler(dataset))
    writer = CsvWriter(tmp_path / "val.csv", ["identifier"], modes=["val"])
    with (
        pytest.warns(UserWarning, match="CsvWriter does not know the index of samples.*RandomSampler"),
        pytest.warns(UserWarning, match="sampler has shuffling enabled"),
    ):
        trainer(tmp_path, writer).validate(Tripler(), loader, verbose=False)
    assert sorted(row["identifier"] for row in rows(tmp_path / "val.csv")) == [f"scan.{i}" for i in range(10)]


class FailsOnRankOne(Tripler):
    def predict_step(self, batch, batch_idx):
        if batch_idx == 1 and self.global_rank == 1:
            raise RuntimeError("no more")
        return super().predict_step(batch, batch_idx)


class FailsOnRankOneFirst(FailsOnRankOne):
    """Rank 0 begins its first batch when rank 1 has failed and removed its files, and rank 1 takes long to end."""

    def predict_step(self, batch, batch_idx):
        if self.global_rank == 1:
            Finalize(None, time.sleep, args=(8,), exitpriority=0)
        deadline = time.monotonic() + 60
        while batch_idx == 0 and self.global_rank == 0 and leftovers(Path("out")) and time.monotonic() < deadline:
            time.sleep(0.01)
        return super().predict_step(batch, batch_idx)


class Stream(IterableDataset):
    def __iter__(self):
        yield from (Numbers()[index] for index in (4, 2, 7))


def test_an_iterable_dataset_gets_running_numbers(tmp_path):
    trainer(tmp_path, CsvWriter(tmp_path / "preds.csv", ["identifier"])).predict(
        Tripler(), DataLoader(Stream(), batch_size=2)
    )
    table = rows(tmp_path / "preds.csv")
    assert [(row["index"], row["identifier"]) for row in table] == [("0", "scan.4"), ("1", "scan.2"), ("2", "scan.7")]


def test_low_precision_and_lists_and_tuples_become_cells(tmp_path):
    class Rich(Tripler):
        def predict_step(self, batch, batch_idx):
            x = batch["input"]
            return {
                "half": (x / 3).bfloat16(),
                "float": x[:, 0] / 10,
                "flag": x[:, 0] > 4,
                "boxes": [{"xy": torch.arange(int(n)).tolist()} for n in x],
                "pair": (x, x[:, 0].long()),
            }

    predict(tmp_path, CsvWriter(tmp_path / "preds.csv", ["half", "float", "flag", "boxes", "pair"]), module=Rich())
    assert rows(tmp_path / "preds.csv")[3] == {
        "index": "3",
        "half": "1.0",
        "float": "0.3",
        "flag": "False",
        "boxes/xy": "[0, 1, 2]",
        "pair/0": "3.0",
        "pair/1": "3",
    }


@pytest.mark.gpu
def test_predictions_on_a_gpu_are_written(tmp_path):
    class OnGpu(Tripler):
        def forward(self, x):
            return x * self.weight

    gpu = trainer(tmp_path, CsvWriter(tmp_path / "preds.csv", ["pred"]), accelerator="gpu", precision="bf16-mixed")
    returned = gpu.predict(OnGpu(), DataLoader(Numbers(), batch_size=4))
    assert [row["pred"] for row in rows(tmp_path / "preds.csv")] == [f"{float(i)}" for i in range(10)]
    assert [len(batch["pred"]) for batch in returned] == [4, 4, 2]


@pytest.mark.parametrize("failing_batch", [0, 2])
def test_an_exception_keeps_earlier_output_and_adds_no_file(tmp_path, failing_batch):
    """Temporary files stayed after an exception, and the output was half new and half old."""

    class Fails(Tripler):
        def predict_step(self, batch, batch_idx):
            if batch_idx == failing_batch:
                raise RuntimeError("no more")
            return super().predict_step(batch, batch_idx)

    file = tmp_path / "preds.csv"
    file.write_text("earlier")
    with pytest.raises(RuntimeError, match="no more"):
        predict(tmp_path, CsvWriter(file, ["pred"]), module=Fails())
    assert file.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [file]


@pytest.fixture
def no_file_above():
    """Answer longer writes with an error of the system, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [4000, 20_000])  # of 20,800 bytes: in a batch, and with the last rows
def test_a_full_disk_names_the_file_and_leaves_none(tmp_path, no_file_above, size):
    file = tmp_path / "preds.csv"
    file.write_text("earlier")
    names = [f"{i:0500}" for i in range(40)]
    no_file_above(size)
    with pytest.raises(WriterError, match=r"preds.csv` cannot be written: File too large"):
        predict(tmp_path, CsvWriter(file, ["identifier"]), Numbers(names=names))
    assert file.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [file]


def test_rehearsal_leaves_the_file_of_an_earlier_run(tmp_path):
    """A fast_dev_run replaced the predictions, and a second one the kept copy of them."""
    file = tmp_path / "preds.csv"
    for size in (10, 9):
        predict(tmp_path, CsvWriter(file, ["identifier"]), Numbers(size))
    for _ in range(2):
        rehearsal = trainer(tmp_path, CsvWriter(file, ["identifier"]), fast_dev_run=True)
        rehearsal.predict(Tripler(), DataLoader(Numbers(), batch_size=4))
        assert (len(rows(file)), len(rows(tmp_path / "preds.csv.previous"))) == (9, 10)
    assert leftovers(tmp_path) == []


def test_a_rerun_keeps_the_earlier_file_beside_the_new_one(tmp_path):
    """The output of an earlier run was lost with a warning only."""
    file = tmp_path / "preds.csv"
    for size in (10, 3, 5):
        predict(tmp_path, CsvWriter(file, ["identifier"]), Numbers(size))
    assert (len(rows(file)), len(rows(tmp_path / "preds.csv.previous"))) == (5, 3)
    assert len(list(tmp_path.iterdir())) == 2


def on_two_ranks():
    """Write `predict.csv`, `eval.val.csv`, `eval.test.csv` and `stream.csv`."""
    loader = DataLoader(Numbers(11), batch_size=2)
    ddp = {"strategy": "ddp", "devices": 2}

    writer = CsvWriter("predict.csv", ["identifier", "pred"])
    trainer(Path(), writer, **ddp).predict(Tripler(), loader, return_predictions=False)

    writer = CsvWriter("eval.csv", ["identifier"], modes=["val", "test"])
    fitting = trainer(Path(), writer, max_epochs=2, **ddp)
    fitting.fit(Tripler(), loader, loader)
    fitting.test(Tripler(), DataLoader(Numbers(5), batch_size=2), verbose=False)

    writer = CsvWriter("stream.csv", ["identifier"])
    stream = DataLoader(Stream(), batch_size=2)
    trainer(Path(), writer, **ddp).predict(Tripler(), stream, return_predictions=False)


def test_two_ranks_of_predict_write_one_ordered_file(two_ranks):
    """Rows were rank by rank, samples 0, 2, 4, ... first, without an index."""
    table = [(row["index"], row["identifier"]) for row in rows(two_ranks / "predict.csv")]
    assert table == [(str(i), f"scan.{i}") for i in range(11)]


@pytest.mark.parametrize(("file", "size"), [("eval.val.csv", 11), ("eval.test.csv", 5)])
def test_two_ranks_drop_what_the_evaluation_sampler_repeats(two_ranks, file, size):
    table = [(row["index"], row["identifier"]) for row in rows(two_ranks / file)]
    assert table == [(str(i), f"scan.{i}") for i in range(size)]


def test_two_ranks_of_a_stream_get_a_column_for_the_rank(two_ranks):
    table = [(row["index"], row["rank"], row["identifier"]) for row in rows(two_ranks / "stream.csv")]
    assert table == [(str(i), rank, name) for rank in "01" for i, name in enumerate(("scan.4", "scan.2", "scan.7"))]


def test_two_ranks_leave_only_what_they_were_asked_for(two_ranks):
    assert {path.name for path in two_ranks.iterdir()} == {
        "predict.csv",
        "eval.val.csv",
        "eval.test.csv",
        "stream.csv",
    }


def fail_on_one_of_two_spawned_ranks():
    for module in (FailsOnRankOne(), FailsOnRankOneFirst()):
        failing = trainer(Path(), CsvWriter("out/preds.csv", ["pred"]), strategy="ddp_spawn", devices=2)
        with pytest.raises(Exception, match="no more"):
            failing.predict(module, DataLoader(Numbers(11), batch_size=2), return_predictions=False)


def test_a_failing_spawned_rank_is_named_and_leaves_nothing(spawned_ranks):
    assert list((spawned_ranks / "out").iterdir()) == []


class RemovesTheFolder(pl.Callback):
    def on_predict_batch_end(self, *_):
        for folder in leftovers("."):
            shutil.rmtree(folder, ignore_errors=True)


def test_a_folder_removed_during_the_run_is_an_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WriterError, match=r"`.preds.csv.*partial` was removed during the run"):
        trainer(tmp_path, CsvWriter("preds.csv", ["pred"]), RemovesTheFolder()).predict(
            Tripler(), DataLoader(Numbers(2), batch_size=2)
        )
    assert leftovers(".") == []


@pytest.mark.parametrize("keys", ["pred", [], ["pred", "pred"], ["index"], [3], {"a": 3}])
def test_invalid_columns_are_refused_at_construction(keys):
    with pytest.raises(WriterError, match="CsvWriter"):
        CsvWriter("preds.csv", keys)


@pytest.mark.parametrize("modes", ["predict", [], ["predikt"], ["train"]])
def test_unknown_modes_are_refused_at_construction(modes):
    with pytest.raises(WriterError) as raised:
        CsvWriter("preds.csv", ["pred"], modes=modes)
    assert "val, test, predict" in raised.value.expected
    assert modes != ["predikt"] or raised.value.nearest == ("predict",)


def test_a_key_missing_from_the_step_names_the_nearest(tmp_path):
    with pytest.raises(WriterError) as raised:
        predict(tmp_path, CsvWriter(tmp_path / "preds.csv", ["identifer"]))
    assert raised.value.nearest == ("identifier",)
    assert "predict batch 0" in raised.value.where
    assert list(tmp_path.iterdir()) == []


def test_a_value_of_another_length_is_an_error(tmp_path):
    class Long(Tripler):
        def predict_step(self, batch, batch_idx):
            return torch.zeros(7, 2)

    with pytest.raises(WriterError, match=r"`pred` must have 4 samples, got a tensor of shape \(7, 2\)"):
        predict(tmp_path, CsvWriter(tmp_path / "preds.csv", ["pred"]), module=Long())


def keep_even(samples, by=2):
    return default_collate([sample for sample in samples if int(sample["input"][0]) % by == 0])


@pytest.mark.parametrize("collate", [keep_even, partial(keep_even, by=2)])
def test_a_collate_that_drops_samples_is_named(tmp_path, collate):
    """The indices are those that the sampler drew, so it is not known which sample is missing."""
    with pytest.raises(WriterError, match="the collate keep_even made 2 samples of 4") as raised:
        predict(tmp_path, CsvWriter(tmp_path / "preds.csv", ["pred"]), collate_fn=collate)
    assert raised.value.where == "CsvWriter, predict batch 0"


def test_images_do_not_fit_into_cells(tmp_path):
    class Images(Tripler):
        def predict_step(self, batch, batch_idx):
            return torch.zeros(len(batch["input"]), 3, 8, 8)

    with pytest.raises(WriterError, match=r"shape \(3, 8, 8\) for each sample"):
        predict(tmp_path, CsvWriter(tmp_path / "preds.csv", ["pred"]), module=Images())


def test_a_vector_that_changes_its_length_is_an_error(tmp_path):
    class Grows(Tripler):
        def predict_step(self, batch, batch_idx):
            return torch.zeros(len(batch["input"]), 2 + batch_idx)

    with pytest.raises(WriterError, match="sample 4 has other columns than the first row: also pred/2"):
        predict(tmp_path, CsvWriter(tmp_path / "preds.csv", ["pred"]), module=Grows())


def test_values_may_come_in_any_order(tmp_path):
    class Turns(Tripler):
        def predict_step(self, batch, batch_idx):
            scores = {"a": batch["input"][:, 0], "b": -batch["input"][:, 0]}
            return {"pred": scores if batch_idx else dict(reversed(scores.items()))}

    predict(tmp_path, CsvWriter(tmp_path / "preds.csv", ["pred"]), module=Turns())
    assert rows(tmp_path / "preds.csv")[1] == {"index": "1", "pred/b": "-1.0", "pred/a": "1.0"}
    assert rows(tmp_path / "preds.csv")[9] == {"index": "9", "pred/b": "-9.0", "pred/a": "9.0"}


def test_a_batch_whose_size_is_nowhere_is_an_error(tmp_path):
    class Scalar(Tripler):
        def validation_step(self, batch, batch_idx):
            return self(batch["input"]).mean()

    writer = CsvWriter(tmp_path / "val.csv", ["loss"], modes=["val"])
    with pytest.raises(WriterError, match="number of samples in a batch is unknown") as raised:
        trainer(tmp_path, writer).validate(Scalar(), DataLoader(Stream(), batch_size=4), verbose=False)
    assert "batch_size" in raised.value.fix


def test_two_writers_of_one_file_are_an_error(tmp_path):
    writers = CsvWriter(tmp_path / "preds.csv", ["pred"]), CsvWriter(tmp_path / "preds.csv", ["input"])
    with pytest.raises(WriterError, match="two writers write to"):
        trainer(tmp_path, *writers).predict(Tripler(), DataLoader(Numbers(), batch_size=4))


def test_a_second_predict_keeps_the_file_of_the_first(tmp_path):
    predicting = trainer(tmp_path, CsvWriter(tmp_path / "preds.csv", ["pred"]))
    for size in (3, 5):
        predicting.predict(Tripler(), DataLoader(Numbers(size), batch_size=4))
    assert len(rows(tmp_path / "preds.csv")) == 5
    assert len(rows(tmp_path / "preds.csv.previous")) == 3


def test_an_unwritable_path_fails_before_the_first_batch(tmp_path):
    class Never(Tripler):
        def training_step(self, batch, batch_idx):
            raise AssertionError

    (tmp_path / "file").write_text("")
    loader = DataLoader(Numbers(), batch_size=4)
    writers = [
        (CsvWriter(tmp_path, ["pred"], modes=["val"]), "is a directory"),
        (CsvWriter(tmp_path / "file" / "preds.csv", ["pred"], modes=["val"]), "is a file"),
    ]
    for writer, message in writers:
        with pytest.raises(WriterError, match=message):
            trainer(tmp_path, writer, max_epochs=2).fit(Never(), loader, loader)


def test_ctrl_c_while_the_folder_is_made_leaves_nothing(tmp_path):
    script = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from torch.utils.data import DataLoader
from test_csv_writer import Numbers, Tripler, trainer
from lighter.callbacks import CsvWriter

class Interrupted(CsvWriter):
    def _create(self, staging, target):
        super()._create(staging, target)
        print("made", staging.is_dir())
        raise KeyboardInterrupt

folder = Path({str(tmp_path)!r})
trainer(folder, Interrupted(folder / "preds.csv", ["identifier"])).predict(Tripler(), DataLoader(Numbers()))
"""
    run = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)
    assert "made True" in run.stdout
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".partial")] == []
