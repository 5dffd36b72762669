"""The nearest valid names to one that was mistyped."""

from collections.abc import Iterable
from difflib import get_close_matches

NEARLY_THE_SAME = 0.8
"""A likeness that hardly leaves a doubt which name is meant: ``modle`` and ``model`` have it."""

_SHORTEST_PART = 3

SYNONYMS = (
    ("lr", "learning_rate"),
    ("max_epochs", "epochs", "num_epochs", "n_epochs"),
    ("max_steps", "steps", "num_steps"),
    ("devices", "gpus", "num_gpus"),
    ("criterion", "loss", "loss_fn", "loss_function"),
    ("model", "network", "net", "backbone"),
    ("fit", "train"),
    ("validate", "eval", "evaluate", "val"),
    ("batch_size", "bs", "batchsize"),
    ("num_workers", "workers", "n_workers"),
    ("weight_decay", "wd", "l2"),
    ("num_classes", "n_classes", "nclasses", "out_features", "classes"),
    ("patience", "early_stopping_patience"),
    ("default_root_dir", "output_dir", "work_dir", "log_dir", "save_dir", "dirpath"),
    ("gradient_clip_val", "grad_clip", "max_grad_norm", "clip_grad_norm"),
    ("accumulate_grad_batches", "gradient_accumulation_steps", "accum_steps"),
    ("seed", "seed_everything", "random_seed"),
    ("data", "datamodule", "dataset"),
)
"""Names that the field uses for the same thing; the first is Lightning's or torch's."""


def nearest_names(name: str, valid: Iterable[str], *, count: int = 3, likeness: float = 0.6) -> tuple[str, ...]:
    """Find the valid names that look most like ``name``, best first.

    Case is ignored while comparing, so ``earlystopping`` finds ``EarlyStopping``. A name that begins with what was
    written is near, too, as is one that has it as a part: ``batch`` and ``size`` find ``batch_size``.
    So is another name for the same thing: ``learning_rate`` finds ``lr``.

    Args:
        name: The name that is not valid.
        valid: The names to choose from.
        count: How many to return at most.
        likeness: How much they must have in common: 1 for the same letters in the same order, 0 for none.

    >>> nearest_names("max_epoch", ["max_epochs", "min_epochs", "logger"])
    ('max_epochs', 'min_epochs')
    >>> nearest_names("dataset", ["data"]), nearest_names("dataset", ["data"], likeness=NEARLY_THE_SAME)
    (('data',), ())
    >>> nearest_names("batc", ["batch_size", "lr"]), nearest_names("epochs", ["max_epochs"])
    (('batch_size',), ('max_epochs',))
    """
    by_folded: dict[str, str] = {}
    for candidate in valid:
        by_folded.setdefault(candidate.casefold(), candidate)
    written = name.casefold()
    near = get_close_matches(written, by_folded, n=count, cutoff=likeness)
    if likeness >= NEARLY_THE_SAME:
        return tuple(by_folded[match] for match in near)
    others = synonyms_of(written)
    near = [other for other in by_folded if other in others] + near
    if len(written) >= _SHORTEST_PART:
        near += [other for other in by_folded if other.startswith(written) or written in other.split("_")]
    return tuple(by_folded[match] for match in list(dict.fromkeys(near))[:count])


def synonyms_of(name: str) -> tuple[str, ...]:
    """Return the names that the field uses for what has this name.

    >>> synonyms_of("learning_rate"), synonyms_of("width")
    (('lr',), ())
    """
    return tuple(other for names in SYNONYMS if name in names for other in names if other != name)
