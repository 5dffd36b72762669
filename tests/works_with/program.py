"""Be the program `lighter` in a new process; `runpy` gives this file `words`, `environment`, `folder` and `log`."""

import atexit
import os
import sys
from pathlib import Path
from typing import Any

from lighter_cli.main import main

given: dict[str, Any] = globals()
os.environ.update(given["environment"])
os.chdir(given["folder"])
with Path(given["log"]).open("wb") as opened:
    os.dup2(opened.fileno(), 1)
    os.dup2(opened.fileno(), 2)
sys.argv = ["lighter", *given["words"]]
try:
    main()
finally:
    atexit._run_exitfuncs()  # a process of multiprocessing leaves them out, and trackers write their last numbers there
