"""The process of ``lighter check --shapes``: it reads a request from standard input, and writes what it found."""

import json
import os
import pickle
import sys
from dataclasses import asdict
from typing import Any

from lighter_cli.project import make_importable, make_working_directory_importable
from lighter_cli.running.gc_pause import gc_paused
from lighter_cli.shapes.process import Request
from lighter_config.project import locate_project


def main() -> None:
    """Answer one request; what code prints goes to standard error."""
    answer = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    request: Request = pickle.load(sys.stdin.buffer)  # noqa: S301  # from the process that started this one
    json.dump(_followed(request), answer)
    answer.close()


def _followed(request: Request) -> dict[str, Any]:
    project = locate_project(request.config)
    if project is not None:
        make_importable(project)
    with gc_paused():
        from lighter_cli.shapes.fakes import Fakes
        from lighter_cli.shapes.weight_files import reading_no_weights, stay_offline

        fakes = Fakes()
        from lighter_cli.shapes.following import follow
    make_working_directory_importable()
    stay_offline()
    with reading_no_weights(fakes.reading_files):
        followed = follow(request.config, request.stages, fakes, is_safe=request.is_safe)
    return asdict(followed)


if __name__ == "__main__":
    main()
