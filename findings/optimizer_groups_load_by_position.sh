#!/usr/bin/env bash
# Expected: `load_state_dict` of a torch optimizer finds the parameter groups of a checkpoint by their `name`, or by the
# names of their parameters, if they have such; or it raises if the order is another one.
# What happens: it takes the groups by position, and compares only their sizes. Two groups of equal size in another order
# exchange momentum and learning rate, without a warning, and also `name` and `param_names`: afterwards the optimizer
# says that the parameter of the head is that of the backbone.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6
cat > "$folder/finding.py" <<'PYTHON'
import torch


def made(order):
    parameters = {name: torch.nn.Parameter(torch.ones(1)) for name in ("backbone", "head")}
    rates = {"backbone": 0.001, "head": 0.1}
    return parameters, torch.optim.Adam(
        [{"name": name, "params": [(f"{name}.weight", parameters[name])], "lr": rates[name]} for name in order]
    )


def groups_of(parameters, optimizer):
    """What the optimizer says of each parameter: name of the group, name of the parameter, rate, momentum."""
    found = {}
    for name, parameter in parameters.items():
        (group,) = [group for group in optimizer.param_groups if group["params"][0] is parameter]
        momentum = float(optimizer.state[parameter]["exp_avg"])
        found[name] = (group["name"], *group["param_names"], group["lr"], round(momentum, 3))
    return found


parameters, optimizer = made(["backbone", "head"])
(parameters["backbone"] + 10 * parameters["head"]).sum().backward()
optimizer.step()
before = groups_of(parameters, optimizer)
parameters, reordered = made(["head", "backbone"])
reordered.load_state_dict(optimizer.state_dict())
after = groups_of(parameters, reordered)

print("torch", torch.__version__)
for title, found in (("saved", before), ("loaded with the groups in another order", after)):
    print(f"{title}:")
    for name, values in found.items():
        print(f"  parameter of the {name}:", *values)
backbone, head = ("backbone", "backbone.weight", 0.001, 0.1), ("head", "head.weight", 0.1, 1.0)
assert before == {"backbone": backbone, "head": head}
assert after == {"backbone": head, "head": backbone}
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/finding.py"
