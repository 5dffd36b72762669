"""Select parameters of a network by name."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Self

from pytorch_lightning import LightningModule

from lighter.callbacks.freezing.parameter_names import bare, is_in_module, module_paths, selectable_names
from lighter.errors import FreezerError, nearest_names

Names = str | Sequence[str] | None


@dataclass(frozen=True, slots=True)
class ParameterSelection:
    """Parameters selected by name, prefix and module, minus exceptions; with exceptions alone, all others.

    Attributes:
        names: Full names of parameters.
        name_starts_with: Prefixes of names.
        modules: Submodules; all parameters in them.
        except_names: Full names of parameters that are not selected.
        except_name_starts_with: Prefixes of names that are not selected.
    """

    names: tuple[str, ...]
    name_starts_with: tuple[str, ...]
    modules: tuple[str, ...]
    except_names: tuple[str, ...]
    except_name_starts_with: tuple[str, ...]

    @classmethod
    def of_arguments(cls, **arguments: Names) -> Self:
        """Make a selection from a Freezer's arguments.

        Raises:
            FreezerError: An argument has something other than names, or all are empty.
        """
        selection = cls(**{argument: _as_tuple(argument, given) for argument, given in arguments.items()})
        if not selection.as_written():
            raise FreezerError(
                "Freezer needs parameters to freeze, which are missing",
                where="Freezer",
                expected=f"at least one of {', '.join(field.name for field in fields(cls))}",
                fix='for example modules=["backbone"]',
            )
        return selection

    def as_written(self) -> dict[str, list[str]]:
        """Return the arguments that are not empty."""
        written = {field.name: list(getattr(self, field.name)) for field in fields(self)}
        return {argument: entries for argument, entries in written.items() if entries}

    def parameters_of(self, pl_module: LightningModule, *, where: str) -> set[str]:
        """Return the first names of the selected parameters.

        Raises:
            FreezerError: A name matches nothing, or the exceptions leave nothing.
        """
        selectable = selectable_names(pl_module)
        names = list(selectable)
        chosen = (
            _matching("names", self.names, str.__eq__, names)
            | _matching("name_starts_with", self.name_starts_with, str.startswith, names)
            | _matching("modules", self.modules, is_in_module, names)
        )
        if not (self.names or self.name_starts_with or self.modules):
            chosen = set(names)
        chosen -= _matching("except_names", self.except_names, str.__eq__, names)
        chosen -= _matching("except_name_starts_with", self.except_name_starts_with, str.startswith, names)
        if not chosen:
            raise FreezerError(
                "nothing is left to freeze: all selected parameters are exceptions",
                where=where,
                fix="remove some exceptions",
            )
        return {selectable[name] for name in chosen}


def _as_tuple(argument: str, names: Names) -> tuple[str, ...]:
    entries = (names,) if isinstance(names, str) else tuple(names or ())
    if not all(isinstance(entry, str) and entry for entry in entries):
        raise FreezerError(
            f"`{argument}` must be names, got {names!r}", where="Freezer", expected="a name or a list of names"
        )
    return entries


def _matching(
    argument: str, entries: Iterable[str], matches: Callable[[str, str], bool], names: Sequence[str]
) -> set[str]:
    found: set[str] = set()
    for entry in entries:
        found_here = {name for name in names if matches(name, entry) or matches(bare(name), entry)}
        found_here = found_here or {name for name in names if matches(bare(name), bare(entry))}
        if not found_here:
            valid = module_paths(names) if argument == "modules" else [*map(bare, names), *module_paths(names)]
            raise FreezerError(
                f"{entry!r} in `{argument}` does not exist: it matches no parameter",
                where="Freezer",
                expected=f"names such as {', '.join(valid[:4])}" if valid else "a model with parameters",
                nearest=nearest_names(bare(entry), valid),
                fix=f"correct or remove the entry of {argument}",
            )
        found |= found_here
    return found
