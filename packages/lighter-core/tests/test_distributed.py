"""Two real CPU processes: values over all ranks, the same on each of them."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from torchmetrics.functional.classification import multiclass_accuracy, multiclass_auroc

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).with_name("ddp_run.py")


def run(case, folder, ckpt_path="none"):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    ranks = []
    for rank in range(2):
        environment = os.environ | {
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": port,
            "WORLD_SIZE": "2",
            "NODE_RANK": "0",
            "LOCAL_RANK": str(rank),
            "OMP_NUM_THREADS": "1",
        }
        ranks.append(
            subprocess.Popen(
                [sys.executable, str(SCRIPT), case, str(folder), str(ckpt_path)],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    results = []
    for rank in ranks:
        out, err = rank.communicate(timeout=120)
        line = next((line for line in out.splitlines() if line.startswith("RESULT ")), None)
        assert line, err[-3000:]
        results.append(json.loads(line.removeprefix("RESULT ")))
    return results


@pytest.fixture
def two_ranks_by_hand(make_network, make_data):
    """Train as DDP does: gradients are the mean of the ranks' gradients."""

    def train(count, epochs):
        data = make_data(count)
        padded = [*range(count), *range(count % 2)]  # the sampler pads to even
        batches = [[padded[rank::2][i : i + 4] for rank in range(2)] for i in range(0, len(padded[::2]), 4)]
        network = make_network()
        optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
        rows = []
        for _ in range(epochs):
            losses, preds, by_rank = [], [], [[], []]
            for pair in batches:
                optimizer.zero_grad()
                step = []
                for rank, indices in enumerate(pair):
                    x, y = data[indices]
                    pred = network(x)
                    loss = nn.functional.cross_entropy(pred, y)
                    step.append(loss)
                    losses.append((loss.item(), len(y)))
                    by_rank[rank].append((loss.item(), len(y)))
                    preds.append((pred.detach(), y))
                (sum(step) / 2).backward()
                optimizer.step()
            with torch.no_grad():
                val = [
                    [
                        (nn.functional.cross_entropy(network(x), y).item(), len(y))
                        for x, y in (data[b[r]] for b in batches)
                    ]
                    for r in range(2)
                ]
            rows.append((losses, by_rank, tuple(map(torch.cat, zip(*preds, strict=True))), val))
        return rows

    return train


@pytest.fixture(scope="module")
def even_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("even")
    return folder, run("even", folder)


def test_two_processes_give_the_values_of_all_samples(two_ranks_by_hand, weighted_mean, even_run):
    _, ranks = even_run
    assert ranks[0]["train"] == ranks[1]["train"]
    assert ranks[0]["val"] == ranks[1]["val"]
    for seen_train, seen_val, (losses, _, (pred, target), val) in zip(
        ranks[0]["train"], ranks[0]["val"], two_ranks_by_hand(16, 2), strict=True
    ):
        assert seen_train["train/loss/epoch"] == pytest.approx(weighted_mean(losses), rel=1e-12)
        accuracy = float(multiclass_accuracy(pred, target, num_classes=3))
        assert seen_train["train/metrics/MulticlassAccuracy/epoch"] == pytest.approx(accuracy, rel=1e-6)
        auroc = float(multiclass_auroc(pred, target, num_classes=3))
        assert seen_train["train/metrics/MulticlassAUROC/epoch"] == pytest.approx(auroc, rel=1e-6)
        assert seen_val["val/loss/epoch"] == pytest.approx(weighted_mean(val[0] + val[1]), rel=1e-12)


def test_uneven_counts_a_term_of_one_rank_and_a_silent_rank(two_ranks_by_hand, weighted_mean, tmp_path):
    ranks = run("uneven", tmp_path)
    assert ranks[0]["train"] == ranks[1]["train"]
    assert ranks[0]["val"] == ranks[1]["val"]
    for seen_train, seen_val, (losses, by_rank, _, val) in zip(
        ranks[0]["train"], ranks[0]["val"], two_ranks_by_hand(13, 2), strict=True
    ):
        assert seen_train["train/loss/epoch"] == pytest.approx(weighted_mean(losses), rel=1e-12)
        assert seen_train["train/loss/first/epoch"] == pytest.approx(weighted_mean(losses), rel=1e-12)
        assert seen_train["train/loss/rare/epoch"] == pytest.approx(2 * by_rank[1][1][0], rel=1e-12)
        assert seen_val["val/loss/epoch"] == pytest.approx(weighted_mean(val[0]), rel=1e-12)
        assert "val/metrics/acc/epoch" in seen_val
        assert "val/metrics/idle/epoch" not in seen_val
    assert any("never updated" in message and "idle" in message for message in ranks[0]["warnings"])
    assert any("padded" in message and "1 sample" in message for message in ranks[0]["warnings"])


def test_two_processes_resume_in_the_middle_of_an_epoch(even_run, tmp_path):
    folder, whole = even_run
    resumed = run("even", tmp_path, ckpt_path=folder / "step=3.ckpt")
    for rank in range(2):
        expected = {name: pytest.approx(value, rel=1e-12) for name, value in whole[rank]["train"][1].items()}
        assert resumed[rank]["train"][-1] == expected


def test_spawned_processes_give_the_values_of_all_samples(two_ranks_by_hand, tmp_path):
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(SCRIPT.with_name("ddp_spawn_run.py")), str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    seen = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2)]
    assert seen[0] == seen[1]
    for epoch, (losses, _, (preds, targets), val) in enumerate(two_ranks_by_hand(16, 2)):
        logged = seen[0]["train"][epoch]
        assert logged["train/loss/epoch"] == pytest.approx(sum(loss * n for loss, n in losses) / 16)
        accuracy = multiclass_accuracy(preds, targets, num_classes=3)
        assert logged["train/metrics/MulticlassAccuracy/epoch"] == pytest.approx(accuracy.item())
        total = sum(loss * n for rank in val for loss, n in rank)
        assert seen[0]["val"][epoch]["val/loss/epoch"] == pytest.approx(total / 16)
