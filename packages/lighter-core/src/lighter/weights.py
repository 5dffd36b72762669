"""Weights of a file for a network whose names differ."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from lighter.errors import WeightsError, nearest_names

logger = logging.getLogger(__name__)

# What the names of a file may begin with where nothing is said and they do not match as they are: what this or older
# versions call the network, or the same seen from the module around it.
_GUESSED_MAPS: tuple[dict[str, str], ...] = (
    {"network": ""},
    {"model": ""},
    {"model": "network"},
    {"": "network"},
)
_NUM_EXAMPLES = 4


@dataclass(frozen=True, slots=True)
class WeightsReport:
    """How the names of a file and of a network match.

    Attributes:
        matched: Names in both, as the network says them.
        missing: Names that only the network has: these weights stay as they are.
        unexpected: Names that only the file has, after mapping.
        ignored: Names that were to be ignored.
    """

    matched: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    ignored: tuple[str, ...]

    def __str__(self) -> str:
        """Say it in a few lines."""
        parts = [f"{len(self.matched)} weights matched"]
        parts += [
            f"{len(names)} {what}: {_examples(names)}"
            for what, names in (
                ("missing in the file", self.missing),
                ("unexpected in the file", self.unexpected),
                ("ignored", self.ignored),
            )
            if names
        ]
        return "; ".join(parts)


def load_weights(
    network: nn.Module,
    path: str | Path,
    prefix_map: Mapping[str, str] | None = None,
    ignore: Iterable[str] = (),
) -> nn.Module:
    """Load the weights of a file into a network, as far as their names match.

    The file is a state dict, or a checkpoint with one under ``state_dict``. It is read with ``weights_only=True``:
    nothing in it is executed. What matched, what is missing and what is unexpected is logged; `compare_weights`
    returns it.

    Args:
        network: The network, or a module around it; changed in place.
        path: The file.
        prefix_map: What names in the file begin with, and what to put there, such as ``{"backbone": "encoder"}`` or
            ``{"module": ""}``; whole parts of names, only at their start, the longest that fits. By default a
            leading ``network.`` or ``model.`` is adapted to the network, so that checkpoints of a `System`, of older
            versions too, fit both.
        ignore: What names begin with, after mapping, that are not to be loaded, such as ``["head"]``.

    Returns:
        The same network.

    Raises:
        WeightsError: The file cannot be read or holds no weights, no name matches, shapes differ, or a prefix is in
            no name.
    """
    report, weights = _match(network, Path(path), prefix_map, _as_tuple(ignore))
    network.load_state_dict(weights, strict=False)
    level = logging.WARNING if report.missing or report.unexpected else logging.INFO
    logger.log(level, "`%s`: %s", path, report)
    return network


def compare_weights(
    network: nn.Module,
    path: str | Path,
    prefix_map: Mapping[str, str] | None = None,
    ignore: Iterable[str] = (),
) -> WeightsReport:
    """Tell what `load_weights` would load, and load nothing.

    Args:
        network: As in `load_weights`.
        path: As in `load_weights`.
        prefix_map: As in `load_weights`.
        ignore: As in `load_weights`.

    Raises:
        WeightsError: As `load_weights`.
    """
    return _match(network, Path(path), prefix_map, _as_tuple(ignore))[0]


def _match(
    network: nn.Module, path: Path, prefix_map: Mapping[str, str] | None, ignore: tuple[str, ...]
) -> tuple[WeightsReport, dict[str, Tensor]]:
    in_file = _read(path)
    in_network = {_clean(name): name for name in network.state_dict()}
    if prefix_map is None:
        renamings = [_rename(in_file, {}), *(_guessed(in_file, guess) for guess in _GUESSED_MAPS)]
        renamed = max(renamings, key=lambda names: len(names.keys() & in_network.keys()))
    else:
        _check_prefixes("prefix_map", filter(None, prefix_map), in_file)
        renamed = _rename(in_file, prefix_map)
    _check_prefixes("ignore", ignore, [*in_network, *renamed])
    ignored = {name for name in in_network.keys() | renamed.keys() if any(_begins(name, prefix) for prefix in ignore)}
    matched = [name for name in in_network if name in renamed and name not in ignored]
    report = WeightsReport(
        matched=tuple(matched),
        missing=tuple(name for name in in_network if name not in renamed and name not in ignored),
        unexpected=tuple(name for name in renamed if name not in in_network and name not in ignored),
        ignored=tuple(sorted(ignored)),
    )
    if not matched:
        raise WeightsError(
            f"no weight of `{path}` has a name of the network",
            where="load_weights",
            expected=f"names such as {_examples(in_network)}\nthe file has {_examples(in_file)}",
            fix='give a prefix_map, such as {"backbone": ""}',
        )
    state = network.state_dict()
    weights = {in_network[name]: in_file[renamed[name]] for name in matched}
    different = [name for name, weight in weights.items() if weight.shape != state[name].shape]
    if different:
        raise WeightsError(
            f"{len(different)} weights of `{path}` have other shapes than the network's",
            where="load_weights",
            expected="\n".join(
                f"{name}: {tuple(state[name].shape)}, the file has {tuple(weights[name].shape)}"
                for name in different[:_NUM_EXAMPLES]
            ),
            fix=f"build the network as it was, or leave them out with ignore={different[:_NUM_EXAMPLES]}",
        )
    return report, weights


def _read(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a state dict, by name."""
    if not path.is_file():
        siblings = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
        raise WeightsError(
            f"`{path}` is not a file",
            where="load_weights",
            nearest=nearest_names(path.name, siblings),
            fix="give the path of a checkpoint or state dict",
        )
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # of any type: the bytes of another kind of file are read as instructions
        raise WeightsError(
            f"`{path}` cannot be read: {next(iter(str(error).splitlines()), type(error).__name__)}",
            where="load_weights",
            expected="a file of torch.save with tensors and plain values only",
            fix="save the weights alone: torch.save(network.state_dict(), path)",
        ) from error
    weights = _state_dict(content)
    if weights:
        return weights
    keys = _examples(map(str, content)) if isinstance(content, Mapping) else type(content).__name__
    raise WeightsError(
        f"`{path}` holds no weights, or several sets of them: {keys}",
        where="load_weights",
        expected="a state dict, or a checkpoint with one under `state_dict`",
        fix="save the weights alone: torch.save(network.state_dict(), path)",
    )


def _state_dict(content: object) -> dict[str, Tensor]:
    """Find the weights in a file's content: under ``state_dict``, itself, or its only part that has any."""
    if not isinstance(content, Mapping):
        return {}
    if "state_dict" in content:
        return _tensors(content["state_dict"])
    parts = [part for part in content.values() if _tensors(part)]
    return _tensors(content) or (_tensors(parts[0]) if len(parts) == 1 else {})


def _tensors(content: object) -> dict[str, Tensor]:
    if not isinstance(content, Mapping):
        return {}
    return {str(name): value for name, value in content.items() if isinstance(value, Tensor)}


def _rename(names: Iterable[str], prefix_map: Mapping[str, str]) -> dict[str, str]:
    """Map new names to the names of the file."""
    renamed: dict[str, str] = {}
    for name in names:
        new = _renamed(_clean(name), prefix_map)
        if new in renamed:
            raise WeightsError(
                f"{renamed[new]!r} and {name!r} of the file both become {new!r}",
                where="load_weights",
                expected="a prefix_map that keeps names apart",
                fix="map the prefixes to different ones",
            )
        renamed[new] = name
    return renamed


def _guessed(names: Iterable[str], prefix_map: Mapping[str, str]) -> dict[str, str]:
    """Map as `_rename`; nothing where two names become one, as nobody asked for this map."""
    try:
        return _rename(names, prefix_map)
    except WeightsError:
        return {}


def _renamed(name: str, prefix_map: Mapping[str, str]) -> str:
    """Replace what a name begins with, in whole parts; the longest prefix that fits."""
    for prefix in sorted(prefix_map, key=len, reverse=True):
        if _begins(name, prefix):
            rest = name[len(prefix.rstrip(".")) :].lstrip(".")
            return ".".join(part for part in (prefix_map[prefix].rstrip("."), rest) if part)
    return name


def _begins(name: str, prefix: str) -> bool:
    prefix = prefix.rstrip(".")
    return prefix == "" or name == prefix or name.startswith(f"{prefix}.")


def _check_prefixes(argument: str, prefixes: Iterable[str], names: Iterable[str]) -> None:
    names = [_clean(name) for name in names]
    for prefix in prefixes:
        if not any(_begins(name, prefix) for name in names):
            parts = (name.split(".") for name in names)
            valid = list(dict.fromkeys(".".join(part[:end]) for part in parts for end in range(1, len(part) + 1)))
            raise WeightsError(
                f"no name begins with {prefix!r}, which {argument} gives",
                where="load_weights",
                expected=f"whole parts of names such as {_examples(names)}",
                nearest=nearest_names(prefix, valid),
                fix=f"correct or remove it from {argument}",
            )


def _clean(name: str) -> str:
    """Remove what `torch.compile` adds to names."""
    return name.replace("_orig_mod.", "")


def _examples(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:_NUM_EXAMPLES]) + (", ..." if len(names) > _NUM_EXAMPLES else "")


def _as_tuple(prefixes: Iterable[str]) -> tuple[str, ...]:
    return (prefixes,) if isinstance(prefixes, str) else tuple(prefixes)
