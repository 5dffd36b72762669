"""What the branches of a statement leave behind."""

import ast
from collections.abc import Sequence

from lighter_config.signatures.namespaces.namespace import Binding, Bound, Decided, Decision, Unbound


def ends_in_raise(statements: Sequence[ast.stmt]) -> bool:
    """Return whether the last of some statements raises."""
    return bool(statements) and isinstance(statements[-1], ast.Raise)


def merged(
    ends: Sequence[dict[str, Bound] | None], start: dict[str, Bound], decision: Decision | None
) -> dict[str, Bound]:
    """Merge what the branches of a statement leave behind; ``None`` is a branch that raises."""
    alive = [end for end in ends if end is not None]
    kept: dict[str, Bound] = {}
    for name in dict.fromkeys(name for end in alive for name in end):
        found = [end[name] for end in alive if name in end]
        position = max(bound.position for bound in found)
        branches = [(end[name].candidates if name in end else (Unbound(),)) for end in alive]
        if all(branch == branches[0] for branch in branches):
            candidates = branches[0]
        elif decision is not None:
            of_each = [() if end is None else end[name].candidates if name in end else (Unbound(),) for end in ends]
            is_try = isinstance(decision.node, (ast.Try, ast.TryStar))
            if is_try and any(name in _bound_by(one) for one in decision.node.body):
                of_each[1:] = [_after_failure(of_each[0], branch, start.get(name)) for branch in of_each[1:]]
            candidates = (Decided(decision, tuple(of_each)),)
        else:
            candidates = tuple(dict.fromkeys(candidate for branch in branches for candidate in branch))
        kept[name] = Bound(position, candidates)
    return kept


def _after_failure(
    body: tuple[Binding, ...], handler: tuple[Binding, ...], before: Bound | None
) -> tuple[Binding, ...]:
    """What a name may be after a handler: the body of the ``try`` may have bound it before it failed."""
    untouched = before.candidates if before is not None else (Unbound(),)
    return handler if handler != untouched or body == untouched else tuple(dict.fromkeys((*body, *handler)))


def _bound_by(statement: ast.stmt) -> set[str]:
    """Return the names that a statement binds in any of its branches."""
    names: set[str] = set()
    for node in ast.walk(statement):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                names.add(name)
            case ast.alias(name=name, asname=other):
                names.add(other or name.partition(".")[0])
            case _:
                pass
    return names
