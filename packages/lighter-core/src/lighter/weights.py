"""Load weights from a file into a network with other names."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from lighter.errors import WeightsError, nearest_names
from lighter.parameter_names import clean

logger = logging.getLogger(__name__)

# Prefixes to map when the user gives no map: what this or older versions call the network, in the file or in the module
# around the network.
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
        matched: Names in both, as in the network.
        missing: Names that only the network has: these weights are not changed.
        unexpected: Names that only the file has, after mapping.
        ignored: Names that begin with an entry of ``ignore``.
    """

    matched: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    ignored: tuple[str, ...]

    def __str__(self) -> str:
        """Return the counts, with a few names each."""
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
    """Load the weights of a file into a network, where their names match.

    The file is a state dict, or a checkpoint with one under ``state_dict``. It is read with ``weights_only=True``,
    which executes nothing. Matched, missing and unexpected names are logged; `compare_weights` returns them.

    Args:
        network: The network, or a module around it; changed in place.
        path: The file.
        prefix_map: From prefixes of names in the file to their replacements, such as ``{"backbone": "encoder"}`` or
            ``{"module": ""}``. Prefixes are complete parts of names; the longest match is replaced. By default a
            leading ``network.`` or ``model.`` is adapted to the network, so that checkpoints of a `System`, also of
            older versions, fit a module and its network.
        ignore: Prefixes, after mapping, of names that are not loaded, such as ``["head"]``.

    Returns:
        The same network.

    Raises:
        WeightsError: The file cannot be read or has no weights, no name matches, shapes differ, or no name begins with
            a prefix.
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
    """Return what `load_weights` would load, without loading it.

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
    in_network = {clean(name): name for name in network.state_dict()}
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
            f"no weight name of `{path}` is in the network",
            where="load_weights",
            expected=f"names such as {_examples(in_network)}\nthe file has {_examples(in_file)}",
            fix='give a prefix_map, such as {"backbone": ""}',
        )
    state = network.state_dict()
    weights = {in_network[name]: in_file[renamed[name]] for name in matched}
    different = [name for name, weight in weights.items() if weight.shape != state[name].shape]
    if different:
        raise WeightsError(
            f"{len(different)} weights of `{path}` do not have the network's shapes",
            where="load_weights",
            expected="\n".join(
                f"{name}: {tuple(state[name].shape)}, the file has {tuple(weights[name].shape)}"
                for name in different[:_NUM_EXAMPLES]
            ),
            fix=f"build the network with these shapes, or skip the weights with ignore={different[:_NUM_EXAMPLES]}",
        )
    return report, weights


def _read(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a file by name."""
    if not path.is_file():
        siblings = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
        raise WeightsError(
            f"the file `{path}` does not exist",
            where="load_weights",
            nearest=nearest_names(path.name, siblings),
            fix="give the path of a checkpoint or state dict",
        )
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # of any type: torch reads the bytes of another kind of file as instructions
        raise WeightsError(
            f"`{path}` cannot be read: {next(iter(str(error).splitlines()), type(error).__name__)}",
            where="load_weights",
            expected="a file written by torch.save, with tensors and plain values only",
            fix="save the weights alone: torch.save(network.state_dict(), path)",
        ) from error
    weights = _state_dict(content)
    if weights:
        return weights
    keys = _examples(map(str, content)) if isinstance(content, Mapping) else type(content).__name__
    raise WeightsError(
        f"`{path}` must have one set of weights, got {keys}",
        where="load_weights",
        expected="a state dict, or a checkpoint with one under `state_dict`",
        fix="save the weights alone: torch.save(network.state_dict(), path)",
    )


def _state_dict(content: object) -> dict[str, Tensor]:
    """Return the weights in a file's content: under ``state_dict``, at the top, or in the only part with tensors."""
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
        new = _renamed(clean(name), prefix_map)
        if new in renamed:
            raise WeightsError(
                f"{new!r} is given twice: the names {renamed[new]!r} and {name!r} of the file both map to it",
                where="load_weights",
                expected="a prefix_map that keeps names distinct",
                fix="map the prefixes to different ones",
            )
        renamed[new] = name
    return renamed


def _guessed(names: Iterable[str], prefix_map: Mapping[str, str]) -> dict[str, str]:
    """Map as `_rename`; return nothing if two names become one, as the user did not choose this map."""
    try:
        return _rename(names, prefix_map)
    except WeightsError:
        return {}


def _renamed(name: str, prefix_map: Mapping[str, str]) -> str:
    """Replace the longest prefix of a name that matches in complete parts."""
    for prefix in sorted(prefix_map, key=len, reverse=True):
        if _begins(name, prefix):
            rest = name[len(prefix.rstrip(".")) :].lstrip(".")
            return ".".join(part for part in (prefix_map[prefix].rstrip("."), rest) if part)
    return name


def _begins(name: str, prefix: str) -> bool:
    prefix = prefix.rstrip(".")
    return prefix == "" or name == prefix or name.startswith(f"{prefix}.")


def _check_prefixes(argument: str, prefixes: Iterable[str], names: Iterable[str]) -> None:
    names = [clean(name) for name in names]
    for prefix in prefixes:
        if not any(_begins(name, prefix) for name in names):
            parts = (name.split(".") for name in names)
            valid = list(dict.fromkeys(".".join(part[:end]) for part in parts for end in range(1, len(part) + 1)))
            raise WeightsError(
                f"{prefix!r} in {argument} does not exist: no name begins with it",
                where="load_weights",
                expected=f"complete parts of names such as {_examples(names)}",
                nearest=nearest_names(prefix, valid),
                fix=f"correct or remove it from {argument}",
            )


def _examples(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:_NUM_EXAMPLES]) + (", ..." if len(names) > _NUM_EXAMPLES else "")


def _as_tuple(prefixes: Iterable[str]) -> tuple[str, ...]:
    return (prefixes,) if isinstance(prefixes, str) else tuple(prefixes)
