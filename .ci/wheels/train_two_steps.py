"""The small job of lighter-core: train two steps, and see the network change and the loss in the results."""

import importlib.util

import torch
from pytorch_lightning import Trainer
from torch.utils.data import DataLoader, TensorDataset

import lighter

assert importlib.util.find_spec("lighter_config") is None
network = torch.nn.Linear(2, 1)
before = network.weight.detach().clone()
data = TensorDataset(torch.randn(8, 2), torch.randn(8, 1))
system = lighter.System(
    network,
    {"train": DataLoader(data, batch_size=4)},
    optimizer=torch.optim.SGD(network.parameters(), lr=0.1),
    criterion=torch.nn.MSELoss(),
)
trainer = Trainer(
    max_steps=2,
    accelerator="cpu",
    logger=False,
    enable_checkpointing=False,
    enable_progress_bar=False,
    enable_model_summary=False,
)
trainer.fit(system)
assert trainer.global_step == 2
assert not torch.equal(before, network.weight)
print(f"lighter-core {lighter.__version__}: two steps, loss {trainer.callback_metrics['train/loss/epoch']:.3f}")
