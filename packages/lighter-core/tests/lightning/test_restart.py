"""What is due when a checkpoint is saved; that a run resumes right from it is tested in logging/test_resume.py."""

from pytorch_lightning import Callback
from torch import nn, optim
from torch.utils.data import DataLoader

from lighter import LighterModule
from lighter.lightning.restart import what_is_due


class Trains(LighterModule):
    def training_step(self, batch, batch_idx):
        return nn.functional.cross_entropy(self(batch[0]), batch[1])

    validation_step = training_step


class Asks(Callback):
    """Asks in the middle of each batch, and notes every count of Lightning's that is written to meanwhile."""

    def __init__(self, monkeypatch):
        self.monkeypatch = monkeypatch
        self.answers = []
        self.written = []

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        progress = trainer.fit_loop.epoch_loop.batch_progress
        lightnings = (progress, progress.current, progress.total)

        def write(counts, name, value):
            if any(counts is own for own in lightnings):
                self.written.append(name)
            object.__setattr__(counts, name, value)

        with self.monkeypatch.context() as patch:
            for kind in {type(counts) for counts in lightnings}:
                patch.setattr(kind, "__setattr__", write)
            self.answers.append(what_is_due(trainer))


def test_asking_what_is_due_changes_no_count(make_network, make_data, make_trainer, monkeypatch):
    network = make_network()
    module = Trains(network, optimizer=optim.SGD(network.parameters(), lr=0.1))
    loader = DataLoader(make_data(16), batch_size=4)
    asks = Asks(monkeypatch)
    make_trainer(callbacks=[asks], val_check_interval=2, max_epochs=1).fit(module, loader, loader)
    assert asks.answers == ["batch", "batch", "batch after validation", "batch"]
    assert asks.written == []
