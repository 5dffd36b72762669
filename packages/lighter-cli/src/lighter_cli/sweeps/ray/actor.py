"""What runs on the nodes of a Ray cluster: an actor that holds the resources of a slot, and starts its worker."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_DISK_S = 5.0  # until a network disk shows a new file elsewhere
_POLL_S = 0.2
_OF_RAY = ("PYTHONBREAKPOINT", "PYTHONUNBUFFERED")


class SlotActor:
    """Holds the resources of a slot.

    Ray pickles it as a reference to this module: nothing of the user's is pickled.
    """

    def introduce(self, sign: str, working_directory: str) -> dict[str, Any]:
        """Say where it is, and what is there.

        Args:
            sign: A file that the command has written into the folder of the sweep.
            working_directory: Where the sweep was begun.
        """
        import ray

        end = time.monotonic() + _DISK_S
        while not (sees := os.path.exists(sign)) and time.monotonic() < end:  # noqa: PTH110  # a folder may be refused
            time.sleep(_POLL_S)
        return {
            "node": ray.get_runtime_context().get_node_id(),
            "host": os.uname().nodename,
            "address": ray.util.get_node_ip_address(),
            "version": importlib.metadata.version("lighter-cli"),
            "has_optuna": find_spec("optuna") is not None,
            "sees_folder": sees,
            "has_working_directory": Path(working_directory).is_dir(),
        }

    def work(self, folder: str, options: Mapping[str, Any], working_directory: str, log: str) -> int:
        """Run a worker until nothing is left to do; return its exit code.

        Args:
            folder: The folder of the sweep.
            options: What ``JoinOptions`` holds.
            working_directory: Where the sweep was begun.
            log: The file that gets what the worker prints.
        """
        command = [sys.executable, "-P", "-m", "lighter_cli.sweeps.ray.slot", folder, json.dumps(options)]
        environment = {name: value for name, value in os.environ.items() if name not in _OF_RAY}
        with open(log, "ab") as stream:  # noqa: PTH123
            return subprocess.run(
                command,
                check=False,
                cwd=working_directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            ).returncode
