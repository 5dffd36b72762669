"""The command that runs a run again from its restored code and config."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lighter_cli.code.restoring import Restored
from lighter_cli.code.stored import StoredCode


def words_again(content: Mapping[str, Any], code: StoredCode, restored: Restored) -> list[str]:
    """Return the words of the command that runs a restored run again.

    Args:
        content: The fields of its record.
        code: What the record says about its code.
        restored: What was written.
    """
    words = ["lighter", content["stage"], restored.config.name]
    used = content["options"].get("ckpt_path")
    if used is not None:
        words += ["--ckpt-path", used if "://" in used else str(Path(content["working_directory"], used))]
    if content["options"].get("weights_only") is False:
        words.append("--no-weights-only")
    if code.project is not None:
        words.append(f"project={os.path.relpath(code.project, code.working_directory or '.')}")
    return words
