#!/usr/bin/env bash
# Expected: `join` of torch.multiprocessing raises "the cause of the first process exiting", as its docstring says.
# What happens: among the processes that have ended when `join` looks, it takes the first in the order of their ranks.
# If rank 1 fails, and rank 0 fails later as a consequence, the error that is raised is that of rank 0 alone.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6
cat > "$folder/finding.py" <<'PYTHON'
import time

import torch
import torch.multiprocessing as mp


def work(rank: int, rank_one_failed: object) -> None:
    if rank == 1:
        print("rank 1 fails first", flush=True)
        rank_one_failed.set()
        raise ValueError("the cause, in rank 1")
    rank_one_failed.wait()
    time.sleep(2)
    print("rank 0 fails 2 s later", flush=True)
    raise RuntimeError("the consequence, in rank 0")


if __name__ == "__main__":
    print("torch", torch.__version__)
    rank_one_failed = mp.get_context("spawn").Event()
    processes = mp.spawn(work, args=(rank_one_failed,), nprocs=2, join=False)
    for process in processes.processes:  # as after work of the parent's own: both have ended when `join` looks
        while process.is_alive():
            time.sleep(0.1)
    try:
        processes.join()
    except mp.ProcessRaisedException as error:
        print("join raises the error of rank", error.error_index)
        print(str(error).rstrip().splitlines()[-1])
        assert error.error_index == 0
        assert "the consequence" in str(error)
        assert "the cause" not in str(error)
    else:
        raise SystemExit("no error")
PYTHON
"$folder/venv/bin/python" "$folder/finding.py"
