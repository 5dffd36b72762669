import csv
import os
import resource
from collections.abc import Mapping
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from torch import nn
from torch.utils.data import DataLoader

from lighter.callbacks import FileWriter, PredictionWriter
from lighter.callbacks.writers.staging import create_staging, remove_abandoned
from lighter.errors import WriterError


class Rows(pl.LightningModule):
    """Returns the numbers that it is given as rows of ten, with names."""

    def __init__(self, names=None):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.names = names

    def _output(self, batch):
        names = [self.names[int(i)] for i in batch] if self.names else [f"scan.v{int(i)}" for i in batch]
        pred = batch.float()[:, None].expand(-1, 10) * self.weight
        return {"pred": pred, "identifier": names, "both": {"mask": pred > 2, "parts": (pred, names)}}

    def training_step(self, batch, batch_idx):
        return self.weight.sum()

    def validation_step(self, batch, batch_idx, dataloader_idx=0):
        return self._output(batch)

    def predict_step(self, batch, batch_idx, dataloader_idx=0):
        return self._output(batch)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.0)


def trainer(tmp_path, *callbacks, **options):
    return pl.Trainer(
        accelerator="cpu",
        default_root_dir=tmp_path,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=list(callbacks),
        **{"devices": 1, **options},
    )


def numbers(size=10):
    return DataLoader(torch.arange(size), batch_size=4)


def predict(tmp_path, writer, module=None, size=10):
    return trainer(tmp_path, writer).predict(module or Rows(), numbers(size))


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file())


def listed(folder):
    with (Path(folder) / "samples.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_every_sample_gets_a_file_named_by_its_index(tmp_path):
    predict(tmp_path, FileWriter(tmp_path / "preds"))
    assert files(tmp_path) == [*(f"preds/{i:06d}.pt" for i in range(10)), "preds/samples.csv"]
    assert torch.equal(torch.load(tmp_path / "preds" / "000007.pt"), torch.full((10,), 7.0))


def test_dots_in_names_survive(tmp_path):
    """`scan.v1`, `scan.v2`, ... all became `scan.pt`: 100 samples, one file, no error."""
    predict(tmp_path, FileWriter(tmp_path / "preds", name_key="identifier"), size=100)
    assert len(files(tmp_path / "preds")) == 101
    assert torch.load(tmp_path / "preds" / "scan.v42.pt")[0] == 42


def test_a_directory_may_have_a_dot_in_its_name(tmp_path):
    """`preds.v1` was refused as the path of a file."""
    predict(tmp_path, FileWriter(tmp_path / "preds.v1"))
    assert len(files(tmp_path / "preds.v1")) == 11


def test_no_name_leaves_the_directory_or_overwrites_another(tmp_path):
    """`../../esc_1` was written outside of the directory."""
    names = ["../../esc_1", "/etc/x", "a/b", "a%2Fb", "a_b", "..", ".", "C:\\x", "é日本", "n" * 500, "n" * 500 + "m"]
    names += ["a\0b", "\n", "~", "-rf", "../" * 300 + "x", "/" + "é" * 300, "%2E%2E", "samples.csv", " "]
    predict(tmp_path, FileWriter(tmp_path / "deep" / "preds", name_key="identifier"), Rows(names), size=len(names))
    written = files(tmp_path)
    assert len(written) == len(names) + 1
    assert all(name.startswith("deep/preds/") and name.count("/") == 2 for name in written)
    rows = listed(tmp_path / "deep" / "preds")
    assert [row["name"] for row in rows] == names
    for row in rows:
        assert torch.load(tmp_path / "deep" / "preds" / row["file"])[0] == int(row["index"])


@pytest.mark.parametrize("names", [["a", "b", "c", "d", "a"], ["a", "a"]])
def test_two_samples_of_one_name_are_an_error(tmp_path, names):
    with pytest.raises(WriterError, match=rf"name 'a' is given twice: to sample {len(names) - 1} "):
        predict(tmp_path, FileWriter(tmp_path / "preds", name_key="identifier"), Rows(names), size=len(names))
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_no_text_is_an_error(tmp_path):
    with pytest.raises(WriterError, match="invalid file name"):
        predict(tmp_path, FileWriter(tmp_path / "preds", name_key="both"))


def test_a_pt_file_holds_its_own_sample_only(tmp_path):
    """A view was saved with the storage of its whole batch: 10 floats in 2560 bytes."""

    class Wide(Rows):
        def predict_step(self, batch, batch_idx):
            pred = torch.randn(len(batch), 10)
            return {"pred": pred, "both": {"list": [(pred, pred)] * len(batch)}}

    predict(tmp_path, FileWriter(tmp_path / "preds"), Wide())
    assert torch.load(tmp_path / "preds" / "000003.pt").untyped_storage().nbytes() == 40


def test_values_may_be_mappings_and_sequences(tmp_path):
    predict(tmp_path, FileWriter(tmp_path / "preds", "both"))
    value = torch.load(tmp_path / "preds" / "000003.pt", weights_only=True)
    assert value["mask"].all()
    assert value["parts"][1] == "scan.v3"
    assert torch.equal(value["parts"][0], torch.full((10,), 3.0))
    assert value["mask"].untyped_storage().nbytes() == 10


@pytest.mark.parametrize("mode", ["val", "predict"])
def test_preds_of_several_heads_are_split_by_sample(tmp_path, mode):
    """In validation the two heads were taken for two samples, and the other samples of the batch were lost."""

    class Heads(Rows):
        def _output(self, batch):
            pred = super()._output(batch)["pred"]
            return {"pred": [pred, -pred]}

    run = trainer(tmp_path, FileWriter(tmp_path / "out", modes=[mode]))
    run.validate(Heads(), numbers(), verbose=False) if mode == "val" else run.predict(Heads(), numbers())
    assert files(tmp_path / "out") == [*(f"{i:06d}.pt" for i in range(10)), "samples.csv"]
    first, second = torch.load(tmp_path / "out" / "000007.pt", weights_only=True)
    assert first.tolist() == [7] * 10
    assert second.tolist() == [-7] * 10


def test_predictions_that_the_trainer_returns_are_untouched(tmp_path):
    """A writer cut the returned predictions to the last batch."""
    assert [len(batch["pred"]) for batch in predict(tmp_path, FileWriter(tmp_path / "preds"))] == [4, 4, 2]


def test_a_rerun_never_mixes_with_files_of_an_earlier_run(tmp_path):
    """Files of an earlier run stayed between the new ones."""
    for size in (10, 3, 5):
        predict(tmp_path, FileWriter(tmp_path / "preds"), size=size)
    assert len(files(tmp_path / "preds")) == 6
    assert len(files(tmp_path / "preds.previous")) == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["preds", "preds.previous"]


def test_rehearsal_leaves_the_folder_of_an_earlier_run(tmp_path):
    predict(tmp_path, FileWriter(tmp_path / "preds"))
    trainer(tmp_path, FileWriter(tmp_path / "preds"), fast_dev_run=True).predict(Rows(), numbers())
    assert len(files(tmp_path / "preds")) == 11
    assert [path.name for path in tmp_path.iterdir()] == ["preds"]


def test_files_that_no_writer_wrote_are_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(WriterError, match="has files that no FileWriter wrote"):
        predict(tmp_path, FileWriter(tmp_path))
    with pytest.raises(WriterError, match=r"mine.txt` is a file"):
        predict(tmp_path, FileWriter(tmp_path / "mine.txt"))
    assert files(tmp_path) == ["mine.txt"]


def test_an_exception_keeps_what_was_there_and_adds_no_file(tmp_path):
    """Temporary files stayed after an exception."""
    predict(tmp_path, FileWriter(tmp_path / "preds"), size=3)

    def fails(file, value):
        if value[0] == 5:
            raise OSError("disk full")
        file.write_bytes(b"half")

    with pytest.raises(OSError, match="disk full") as raised:
        predict(tmp_path, FileWriter(tmp_path / "preds", format=fails))
    assert raised.value.__notes__ == ["while writing sample 5 into `000005`"]
    assert files(tmp_path) == [*(f"preds/{i:06d}.pt" for i in range(3)), "preds/samples.csv"]


@pytest.mark.parametrize("file_format", ["tensor", "text"])
def test_a_full_disk_names_the_directory_and_leaves_none(tmp_path, file_format):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    writer = FileWriter(tmp_path / "out", value_key="long", format=file_format)

    class Long(Rows):
        def _output(self, batch):
            return {"long": torch.ones(len(batch), 1000)}

    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        with pytest.raises(WriterError, match="out` cannot be written: File too large") as caught:
            predict(tmp_path, writer, module=Long())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.where == "FileWriter, predict batch 0"
    assert list(tmp_path.iterdir()) == []


def test_several_loaders_have_a_folder_each(tmp_path):
    trainer(tmp_path, FileWriter(tmp_path / "preds")).predict(Rows(), [numbers(2), numbers(3)])
    assert files(tmp_path / "preds") == [
        "dataloader_idx_0/000000.pt",
        "dataloader_idx_0/000001.pt",
        "dataloader_idx_1/000000.pt",
        "dataloader_idx_1/000001.pt",
        "dataloader_idx_1/000002.pt",
        "samples.csv",
    ]
    assert [row["dataloader_idx"] for row in listed(tmp_path / "preds")] == ["0", "0", "1", "1", "1"]


def test_validation_leaves_the_files_of_the_last_epoch(tmp_path):
    writer = FileWriter(tmp_path / "preds", modes=["val", "predict"])
    trainer(tmp_path, writer, max_epochs=2).fit(Rows(), numbers(), numbers(3))
    assert files(tmp_path) == [*(f"preds/val/{i:06d}.pt" for i in range(3)), "preds/val/samples.csv"]


def test_earlier_output_outlives_all_validations_of_a_fit(tmp_path):
    """The second one removed what the first had kept as `.previous`."""
    writer = FileWriter(tmp_path / "out", modes=["val"])
    trainer(tmp_path, writer).validate(Rows(), numbers(3), verbose=False)
    trainer(tmp_path, writer, max_epochs=3).fit(Rows(), numbers(), numbers(5))
    assert len(files(tmp_path / "out")) == 6
    assert len(files(tmp_path / "out.previous")) == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "out.previous"]


def on_two_ranks():
    writer = FileWriter("preds", name_key="identifier")
    trainer(".", writer, strategy="ddp", devices=2).predict(Rows(), numbers(7), return_predictions=False)

    # the rank that comes second raises and ends; the other finds the folder removed, or the connection closed
    clash = FileWriter("clash", name_key="identifier")
    try:
        trainer(".", clash, strategy="ddp", devices=2).predict(Rows("aa"), numbers(2), return_predictions=False)
    except WriterError as error:
        Path("refused.txt").write_text(str(error))
    except (FileNotFoundError, RuntimeError):
        pass


def test_two_ranks_write_into_one_directory(two_ranks):
    assert [row["file"] for row in listed(two_ranks / "preds")] == [f"scan.v{i}.pt" for i in range(7)]
    assert len(files(two_ranks / "preds")) == 8


def test_a_name_from_two_ranks_fails_and_leaves_nothing(two_ranks):
    assert "is given twice: to sample" in (two_ranks / "refused.txt").read_text()
    assert sorted(path.name for path in two_ranks.iterdir()) == ["preds", "refused.txt"]


@pytest.mark.parametrize("key", ["prod", "identifer"])
def test_a_key_that_the_step_does_not_return_is_an_error(tmp_path, key):
    with pytest.raises(WriterError) as raised:
        predict(tmp_path, FileWriter(tmp_path / "preds", key))
    assert raised.value.nearest == ({"prod": "pred", "identifer": "identifier"}[key],)


def test_a_writer_of_ones_own_implements_one_method(tmp_path):
    class Sums(PredictionWriter):
        def write(self, sample, folder) -> Mapping[str, object]:
            (folder / f"{sample.index}.sum").write_text(str(float(sample.values["pred"].sum())))
            return {"sum": float(sample.values["pred"].sum())}

    predict(tmp_path, Sums(tmp_path / "sums", {"pred": "pred"}), size=3)
    assert files(tmp_path / "sums") == ["0.sum", "1.sum", "2.sum", "samples.csv"]
    assert [row["sum"] for row in listed(tmp_path / "sums")] == ["0.0", "10.0", "20.0"]


def make_old(folder):
    for path in (*folder.iterdir(), folder):
        os.utime(path, (0, 0))


class AnotherRun(pl.Callback):
    """Starts beside a run that has written nothing for a long time."""

    def __init__(self, target):
        self.target = target

    def on_predict_batch_end(self, *_):
        (folder,) = self.target.parent.glob(".preds.*.partial")
        make_old(folder)
        remove_abandoned(self.target)


def test_a_run_removes_what_a_killed_one_left(tmp_path):
    killed = tmp_path / ".preds.01234567.partial"
    create_staging(killed, tmp_path / "preds").close()
    make_old(killed)
    predict(tmp_path, FileWriter(tmp_path / "preds"))
    assert [path.name for path in tmp_path.iterdir()] == ["preds"]


def test_a_run_that_writes_is_left_alone(tmp_path):
    target = tmp_path / "preds"
    trainer(tmp_path, FileWriter(target), AnotherRun(target)).predict(Rows(), numbers())
    assert len(files(target)) == 11
