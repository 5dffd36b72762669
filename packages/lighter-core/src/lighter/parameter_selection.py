"""Select parameters of a network by name: the language of `Freezer` and of `lighter.optimizers.groups`."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Self

from pytorch_lightning import LightningModule

from lighter.errors import FreezerError, LighterError, nearest_names
from lighter.parameter_names import bare, is_in_module, module_paths, selectable_names

Names = str | Sequence[str] | None


@dataclass(frozen=True, slots=True)
class Selector:
    """What selects parameters, for messages.

    Attributes:
        name: The name of the object or argument.
        verb: What happens to the selected parameters.
        example: A selection that it could be given.
        error: The class of its errors.
    """

    name: str
    verb: str
    example: str
    error: type[LighterError]


FREEZER = Selector("Freezer", "freeze", 'for example modules=["backbone"]', FreezerError)


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
    def of_arguments(cls, *, selector: Selector = FREEZER, may_be_empty: bool = False, **arguments: Names) -> Self:
        """Make a selection from arguments; those that are not given select nothing.

        Raises:
            LighterError: An argument has something other than names, or all are empty; the class is the selector's.
        """
        given = {argument: as_names(argument, names, selector) for argument, names in arguments.items()}
        selection = cls(**{field.name: given.get(field.name, ()) for field in fields(cls)})
        if not (selection.as_written() or may_be_empty):
            raise selector.error(
                f"{selector.name} needs parameters to {selector.verb}, which are missing",
                where=selector.name,
                expected=f"at least one of {', '.join(field.name for field in fields(cls))}",
                fix=selector.example,
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
        return {selectable[name] for name in self.matching(list(selectable), where=where)}

    def matching(
        self, names: Sequence[str], *, where: str, selector: Selector = FREEZER, of_types: set[str] | None = None
    ) -> set[str]:
        """Return the selected names.

        Args:
            names: All names that can be selected.
            where: What selects, for the error if nothing is left.
            selector: The same in short, for all errors.
            of_types: Names that are selected by something else, less the exceptions.

        Raises:
            LighterError: A name matches nothing, or the exceptions leave nothing; the class is the selector's.
        """
        chosen = (
            matching("names", self.names, str.__eq__, names, selector)
            | matching("name_starts_with", self.name_starts_with, str.startswith, names, selector)
            | matching("modules", self.modules, is_in_module, names, selector)
            | (of_types or set())
        )
        if of_types is None and not (self.names or self.name_starts_with or self.modules):
            chosen = set(names)
        chosen -= matching("except_names", self.except_names, str.__eq__, names, selector)
        chosen -= matching("except_name_starts_with", self.except_name_starts_with, str.startswith, names, selector)
        if not chosen:
            raise selector.error(
                f"nothing is left to {selector.verb}: all selected parameters are exceptions",
                where=where,
                fix="remove some exceptions",
            )
        return chosen


def as_names(argument: str, names: Names, selector: Selector) -> tuple[str, ...]:
    """Return a name or several as a tuple.

    Raises:
        LighterError: They are not names; the class is the selector's.
    """
    is_several = isinstance(names, Sequence) or not names
    entries = (names,) if isinstance(names, str) or not is_several else tuple(names or ())
    if not all(isinstance(entry, str) and entry for entry in entries):
        raise selector.error(
            f"`{argument}` must be names, got {names!r}", where=selector.name, expected="a name or a list of names"
        )
    return entries  # type: ignore[return-value]  # checked above


def matching(
    argument: str,
    entries: Iterable[str],
    matches: Callable[[str, str], bool],
    names: Sequence[str],
    selector: Selector,
) -> set[str]:
    """Return the names that match an entry; a leading ``network.`` or ``model.`` is optional.

    Raises:
        LighterError: An entry matches nothing; the class is the selector's.
    """
    found: set[str] = set()
    for entry in entries:
        found_here = {name for name in names if matches(name, entry) or matches(bare(name), entry)}
        found_here = found_here or {name for name in names if matches(bare(name), bare(entry))}
        if not found_here:
            valid = module_paths(names) if argument == "modules" else [*map(bare, names), *module_paths(names)]
            raise selector.error(
                f"{entry!r} in `{argument}` does not exist: it matches no parameter",
                where=selector.name,
                expected=f"names such as {', '.join(valid[:4])}" if valid else "a model with parameters",
                nearest=nearest_names(bare(entry), valid),
                fix=f"correct or remove the entry of {argument}",
            )
        found |= found_here
    return found
