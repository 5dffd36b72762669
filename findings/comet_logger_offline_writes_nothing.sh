#!/usr/bin/env bash
# Expected: `CometLogger(online=False, offline_directory=...)` of Lightning stores the run in the folder, as its
# documentation says, and `comet upload` sends it later.
# What happens: Lightning sets `disabled=True` when `online` is False. No file is written, without a warning. Without the
# argument, and with COMET_START_ONLINE=0 in the environment, the archive is written.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 pytorch-lightning==2.6.6 comet_ml==3.58.8
cat > "$folder/finding.py" <<'PYTHON'
import os
import sys
from pathlib import Path

import comet_ml
import pytorch_lightning as pl
from pytorch_lightning.loggers import CometLogger


def written(folder, **options):
    logger = CometLogger(
        offline_directory=str(folder), project="project", log_env_details=False, display_summary_level=0, **options
    )
    logger.log_metrics({"loss": 1.0}, step=1)
    logger.finalize("success")
    logger.experiment.end()
    return logger.experiment.disabled, sorted(file.suffix for file in folder.glob("*"))


print("pytorch-lightning", pl.__version__, "comet_ml", comet_ml.__version__)
disabled, files = written(Path(sys.argv[1], "first"), online=False)
print(f"online=False:         disabled {disabled}, files {files}")
assert (disabled, files) == (True, [])
os.environ["COMET_START_ONLINE"] = "0"
disabled, files = written(Path(sys.argv[1], "second"))
print(f"COMET_START_ONLINE=0: disabled {disabled}, files {files}")
assert (disabled, files) == (False, [".zip"])
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/finding.py" "$folder"
