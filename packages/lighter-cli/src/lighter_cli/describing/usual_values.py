"""The value that an argument usually has in a config."""

from lighter_config import SignatureReader

PLACEHOLDER = "..."
"""What stands for a value that is still to be given; a check reports it."""

# by the base class of the target and the name of the argument
_USUAL = {
    ("torch.optim.Optimizer", "params"): '"$@system::model.parameters()"',
    ("torch.optim.lr_scheduler.LRScheduler", "optimizer"): '"@system::optimizer"',
}


def usual_value(target: str, argument: str, reader: SignatureReader) -> str | None:
    """Return the usual value of an argument of a target, as YAML; ``None`` if there is none."""
    for (base, name), value in _USUAL.items():
        if argument == name and reader.is_subclass(target, base):
            return value
    return None
