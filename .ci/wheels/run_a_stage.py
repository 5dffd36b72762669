"""The small job of lighter-cli: make a folder with an experiment and train it, with the installed `lighter` command."""

import subprocess
import sys
import tempfile
from pathlib import Path

lighter = Path(sys.executable).with_name("lighter")


def run(*words: str) -> str:
    done = subprocess.run([lighter, *words], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"lighter {' '.join(words)} failed:\n{done.stdout}{done.stderr}"
    return done.stdout


with tempfile.TemporaryDirectory() as folder:
    version = run("--version").strip()
    run("init", "made", "--template", "module")
    run("fit", "made/config.yaml", "trainer::max_epochs=1")
    listed = run("runs", "list")
    assert "fit" in listed, listed
print(f"lighter-cli {version}: made an experiment, trained it and found its record")
