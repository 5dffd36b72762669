#!/usr/bin/env bash
# Expected: `Live(save_dvc_exp=False, dvcyaml=None)` of DVCLive writes metrics into its folder, and nothing else.
# What happens: in a Git repository it initialises DVC at the root of the repository, also from a folder far below, and
# stages three files there. The next `git commit` contains them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv --quiet "$folder/venv"
VIRTUAL_ENV="$folder/venv" uv pip install --quiet dvclive==3.49.1
cat > "$folder/finding.py" <<'PYTHON'
import subprocess
from importlib.metadata import version
from pathlib import Path

from dvclive import Live

repository = Path(__file__).parent / "repository"


def git(*words):
    return subprocess.run(["git", "-C", repository, *words], check=True, capture_output=True, text=True).stdout.split()


(repository / "runs/first").mkdir(parents=True)
git("init", "--quiet")
git("-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "--quiet", "--allow-empty", "--message=begin")
before = git("diff", "--cached", "--name-only")
with Live(str(repository / "runs/first"), save_dvc_exp=False, dvcyaml=None, report=None) as live:
    live.log_metric("loss", 1.0)
staged = git("diff", "--cached", "--name-only")
print("dvclive", version("dvclive"), "dvc", version("dvc"))
print("staged before:", before, "afterwards:", staged)
assert before == []
assert staged == [".dvc/.gitignore", ".dvc/config", ".dvcignore"]
PYTHON
mkdir -p "$folder/repository/runs" && cd "$folder/repository/runs" && "$folder/venv/bin/python" -W ignore "$folder/finding.py"
