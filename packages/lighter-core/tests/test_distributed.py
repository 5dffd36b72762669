"""Two real CPU processes: values over all ranks, the same on each of them."""

import json

import pytest
import torch
from torch import nn
from torch.utils.data import DistributedSampler
from torchmetrics.functional.classification import binary_auroc, multiclass_accuracy, multiclass_auroc
from torchmetrics.functional.retrieval import retrieval_average_precision

RESUMED_AFTER = (4, 6)
"""Batches: an epoch, and an epoch and a half."""


def on_two_ranks():
    from ddp_run import fit, fit_heads, fit_lists, fit_order  # beside this file, where it runs as a script

    fit("even")
    fit("uneven")
    fit("even", name="resumed", ckpt_path="even/step=3.ckpt")
    fit("plain")
    fit("plain", name="resumed-plain", ckpt_path="plain/step=3.ckpt")
    fit_heads()
    fit_order()
    fit_lists()
    for num_batches in RESUMED_AFTER:
        fit_order(resumed_after=num_batches)


def seen_by_ranks(folder, name):
    return [json.loads((folder / f"{name}{rank}.json").read_text()) for rank in range(2)]


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


def test_two_processes_give_the_values_of_all_samples(two_ranks_by_hand, weighted_mean, two_ranks):
    ranks = seen_by_ranks(two_ranks, "even")
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


def test_two_processes_give_wrappers_the_values_of_all_samples(two_ranks_by_hand, two_ranks):
    accuracies = []
    (seen, other) = seen_by_ranks(two_ranks, "even")
    assert seen["train"] == other["train"]
    for logged, (_, _, (pred, target), _) in zip(seen["train"], two_ranks_by_hand(16, 2), strict=True):
        accuracies.append(float(multiclass_accuracy(pred, target, num_classes=3)))
        for part, expected in (("raw", accuracies[-1]), ("min", min(accuracies)), ("max", max(accuracies))):
            assert logged[f"train/metrics/extremes/{part}/epoch"] == pytest.approx(expected, rel=1e-6)
        last = float(multiclass_accuracy(pred[-8:], target[-8:], num_classes=3))  # the last batch of each rank
        assert logged["train/metrics/window/epoch"] == pytest.approx(last, rel=1e-6)
    assert accuracies[0] != accuracies[1]


def test_two_processes_give_metrics_by_key_the_values_of_all_samples(make_network, make_data, two_ranks):
    seen, other = seen_by_ranks(two_ranks, "heads")
    assert seen == other
    for mode, count in (("train", 16), ("val", 14)):
        inputs, targets = make_data(16)[:count]
        with torch.no_grad():
            pred = make_network()(inputs)
        expected = {
            "cls/MulticlassAccuracy": multiclass_accuracy(pred, targets, num_classes=3),
            "cls/MulticlassAUROC": multiclass_auroc(pred, targets, num_classes=3),
            "size": pred[:, 0].mean(),
            "sum/once": pred[:, 0].sum(),
            "sum/twice": pred[:, 0].sum() * 2,
        }
        assert len(seen[mode]) == 2
        for logged in seen[mode]:
            for name, value in expected.items():
                assert logged[f"{mode}/metrics/{name}/epoch"] == pytest.approx(float(value), rel=1e-6), name


def test_metrics_that_collect_samples_where_a_rank_has_fewer_or_none(make_data, two_ranks):
    results, other = seen_by_ranks(two_ranks, "lists")
    assert results == other
    data = make_data(24)
    for num_batches, logged in zip((0, 1, 3), results, strict=False):
        indices = [*range(0, 24, 2), *range(1, 8 * num_batches, 2)]
        x, y = data[indices]
        aps = [retrieval_average_precision(x[y == query, 0].sigmoid(), y[y == query] > 1) for query in range(3)]
        assert len(y) == 12 + 4 * num_batches
        expected = {
            "auroc": multiclass_auroc(x[:, :3].softmax(1), y, num_classes=3),
            "binary": binary_auroc(x[:, 0].sigmoid(), (y > 1).int()),
            "map": sum(aps) / len(aps),
        }
        for name, value in expected.items():
            assert logged[f"val/metrics/{name}/epoch"] == pytest.approx(float(value), rel=1e-6), name
    assert results[2]["val/metrics/pieces/epoch"] == 6.0
    assert "the states of Pieces cannot be combined over ranks: their lengths differ" in results[3]
    assert "3 on rank 0, 1 on rank 1" in results[3]


def test_uneven_counts_a_term_of_one_rank_and_a_silent_rank(two_ranks_by_hand, weighted_mean, two_ranks):
    ranks = seen_by_ranks(two_ranks, "uneven")
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


def test_two_processes_resume_in_the_middle_of_an_epoch(two_ranks):
    whole, resumed = seen_by_ranks(two_ranks, "even"), seen_by_ranks(two_ranks, "resumed")
    for rank in range(2):
        expected = {name: pytest.approx(value, rel=1e-12) for name, value in whole[rank]["train"][1].items()}
        assert resumed[rank]["train"][-1] == expected


def test_ranks_of_a_module_that_is_not_lighters_resume_with_their_values(two_ranks):
    whole, resumed = seen_by_ranks(two_ranks, "plain"), seen_by_ranks(two_ranks, "resumed-plain")
    for rank in range(2):
        assert resumed[rank]["train"][-1] == whole[rank]["train"][1]
    assert whole[0]["train"][1]["train/own"] != whole[1]["train"][1]["train/own"]
    assert whole[0]["train"][1].keys() == {"train/loss", "train/own", "train/accuracy"}


@pytest.mark.parametrize("num_batches", RESUMED_AFTER)
def test_each_rank_resumes_with_its_own_remaining_samples(two_ranks, num_batches):
    """The sampler's order depends on the epoch, which Lightning tells it after the loader has started (T6)."""
    for rank in range(2):
        sampler = DistributedSampler(range(16), num_replicas=2, rank=rank)
        order = []
        for epoch in range(3):
            sampler.set_epoch(epoch)
            order += list(sampler)
        expected = [order[start : start + 2] for start in range(0, len(order), 2)]
        whole = json.loads((two_ranks / f"order{rank}.json").read_text())
        resumed = json.loads((two_ranks / f"order-after-{num_batches}-{rank}.json").read_text())
        assert whole == expected
        assert resumed == expected[num_batches:]
        if (rank, num_batches) == (0, 6):
            assert resumed[:2] == [[1, 9], [10, 13]]


def test_spawned_processes_give_the_values_of_all_samples(two_ranks_by_hand, spawned_ranks):
    seen = seen_by_ranks(spawned_ranks, "spawned")
    assert seen[0] == seen[1]
    for epoch, (losses, _, (preds, targets), val) in enumerate(two_ranks_by_hand(16, 2)):
        logged = seen[0]["train"][epoch]
        assert logged["train/loss/epoch"] == pytest.approx(sum(loss * n for loss, n in losses) / 16)
        accuracy = multiclass_accuracy(preds, targets, num_classes=3)
        assert logged["train/metrics/MulticlassAccuracy/epoch"] == pytest.approx(accuracy.item())
        total = sum(loss * n for rank in val for loss, n in rank)
        assert seen[0]["val"][epoch]["val/loss/epoch"] == pytest.approx(total / 16)
