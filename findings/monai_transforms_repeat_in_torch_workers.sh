#!/usr/bin/env bash
# Expected: with `seed_everything(seed, workers=True)` of Lightning and the `worker_init_fn` that its Trainer sets,
# random transforms of MONAI give other values in each worker and each epoch of torch's `DataLoader`.
# What happens: a transform of MONAI has a random state of its own, which each worker gets as a copy, anew in each
# epoch. All workers use the same numbers, in every epoch. MONAI's own `DataLoader` seeds the transforms.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv --quiet "$folder/venv"
VIRTUAL_ENV="$folder/venv" uv pip install --quiet torch==2.13.0 monai==1.6.1 pytorch-lightning==2.6.6
cat > "$folder/finding.py" <<'PYTHON'
import monai
import pytorch_lightning
import torch
from lightning_fabric.utilities.seed import pl_worker_init_function
from monai.data import DataLoader as MonaiDataLoader
from monai.data import Dataset
from monai.transforms import Compose, RandGaussianNoise


def main():
    """Compare the noise of two epochs of four samples by two workers."""
    pytorch_lightning.seed_everything(1, workers=True, verbose=False)
    data = Dataset([torch.zeros(1, 2) for _ in range(4)], Compose([RandGaussianNoise(prob=1.0)]))
    loaders = {
        "torch": torch.utils.data.DataLoader(data, num_workers=2, worker_init_fn=pl_worker_init_function),
        "MONAI": MonaiDataLoader(data, num_workers=2),
    }
    print("torch", torch.__version__, "MONAI", monai.__version__, "Lightning", pytorch_lightning.__version__)
    different = {}
    for name, loader in loaders.items():
        epochs = [[round(float(batch[0, 0, 0]), 4) for batch in loader] for _ in range(2)]
        different[name] = len({value for epoch in epochs for value in epoch})
        print(f"loader of {name}: first epoch {epochs[0]}, second {epochs[1]}")
    assert different == {"torch": 2, "MONAI": 8}


if __name__ == "__main__":
    main()
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/finding.py"
