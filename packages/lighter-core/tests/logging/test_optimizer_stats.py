import torch

from lighter.logging.optimizer_stats import optimizer_stats


def test_groups_with_names_of_their_own_are_called_by_them():
    def groups(*names):
        return [{"params": [torch.nn.Parameter(torch.ones(1))], "name": name} for name in names]

    assert "SGD/lr/head" in optimizer_stats([torch.optim.SGD(groups("body", "head"), lr=0.1)])
    assert "SGD/lr/group1" in optimizer_stats([torch.optim.SGD(groups("body", "body"), lr=0.1)])


def test_groups_and_equal_optimizers_have_distinct_names():
    def parameter():
        return torch.nn.Parameter(torch.ones(1))

    groups = [{"params": [parameter()], "lr": 0.1}, {"params": [parameter()], "lr": 0.2}]
    stats = optimizer_stats(
        [torch.optim.SGD(groups, momentum=0.9), torch.optim.Adam([parameter()]), torch.optim.Adam([parameter()], lr=1)]
    )
    values = {name: value.item() for name, value in stats.items()}
    assert values["SGD/lr/group0"] == 0.1
    assert values["SGD/lr/group1"] == 0.2
    assert values["SGD/momentum/group1"] == 0.9
    assert (values["Adam/beta1"], values["Adam/beta2"], values["Adam/weight_decay"]) == (0.9, 0.999, 0.0)
    assert values["Adam-1/lr"] == 1.0
