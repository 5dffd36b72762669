#!/usr/bin/env bash
# Expected: the word `x=range(1,3)` means 1 and 2 in every sweep of Hydra, as in Python.
# What happens: it means 1 and 2 in the basic sweeper, and 1, 2 and 3 in the Optuna sweeper; but with the grid sampler of
# that sweeper, 1 and 2 again. A change of the sampler changes the space.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check hydra-core==1.3.8 hydra-optuna-sweeper==1.3.0
cd "$folder"
mkdir conf
echo "x: 0" > conf/config.yaml
cat > finding.py <<'PYTHON'
from pathlib import Path

import hydra


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(config):
    with Path(__file__).with_name("seen.txt").open("a") as file:
        file.write(f"{config.x}\n")
    return float(config.x)


main()
PYTHON
values() {
  rm -f seen.txt
  venv/bin/python finding.py --multirun 'x=range(1,3)' "$@" > output.txt 2>&1
  sort -un seen.txt | tr '\n' ' '
}
optuna=(hydra/sweeper=optuna hydra.sweeper.n_trials=20)
seen="basic: $(values)random: $(values "${optuna[@]}" hydra/sweeper/sampler=random hydra.sweeper.sampler.seed=1)"
seen="${seen}grid: $(values "${optuna[@]}" hydra/sweeper/sampler=grid)"
echo "hydra-core 1.3.8, hydra-optuna-sweeper 1.3.0: $seen"
[[ $seen == "basic: 1 2 random: 1 2 3 grid: 1 2 " ]]
