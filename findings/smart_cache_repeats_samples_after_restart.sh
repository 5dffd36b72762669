#!/usr/bin/env bash
# Expected: `shutdown()` of MONAI's `SmartCacheDataset`, which its documentation asks for when training ends, and `start()`
# in the next training leave a cache of different samples that moves on through the data, or begins anew.
# What happens: `shutdown` puts the position back to the beginning, and leaves the samples in the cache where the window
# was. From then on the cache holds some samples twice, and others are not used, until all has been replaced.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 monai==1.6.0
cat > "$folder/finding.py" <<'PYTHON'
import monai
from monai.data import SmartCacheDataset

dataset = SmartCacheDataset(
    list(range(8)), transform=lambda sample: sample, cache_num=4, replace_rate=0.25, shuffle=False, progress=False
)


def train(num_epochs):
    """Return the samples of each epoch."""
    epochs = []
    dataset.start()
    for epoch in range(num_epochs):
        if epoch:
            dataset.update_cache()
        epochs.append([dataset[index] for index in range(len(dataset))])
    dataset.shutdown()
    return epochs


first, second = train(3), train(8)
print("monai", monai.__version__)
for title, epochs in (("first training", first), ("second training", second)):
    print(title, *epochs)
twice = sum(len(set(epoch)) < len(epoch) for epoch in second)
print("epochs of the second training with a sample twice:", twice, "of", len(second))
assert first == [[0, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5]]
assert second[:4] == [[2, 3, 4, 5], [3, 4, 5, 4], [4, 5, 4, 5], [5, 4, 5, 6]]
assert twice == 3
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/finding.py"
