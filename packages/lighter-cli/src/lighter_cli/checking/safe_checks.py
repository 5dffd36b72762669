"""The check of ``--safe``, the same for a stage, a sweep and a rehearsal."""

from collections.abc import Sequence

from lighter_cli.terminal.argument_names import place_of, spelled
from lighter_config import Check, CheckError, Finding


def safe_checks(*, safe: bool, allow: Sequence[str], trusts_project: bool) -> list[Check]:
    """Return the check that refuses targets which are not on the list of ``--safe``; none without that option.

    Args:
        safe: Whether the option is given.
        allow: Packages and callables to add to its list.
        trusts_project: Whether the code of the project is the user's own.

    Raises:
        CheckError: ``allow`` is given without ``safe``.
    """
    if safe:
        from lighter_config.safety import Allowance, SafetyCheck  # few commands need it

        return [SafetyCheck(Allowance(tuple(allow), trusts_project=trusts_project))]
    if allow:
        raise CheckError(
            Finding(
                message=f"{spelled('--allow needs --safe', 'allow needs safe=True')}, which is missing",
                place=place_of("--allow", "allow"),
                excerpt=" ".join(allow),
                fix=f"add {spelled('--safe, or remove --allow', 'safe=True, or remove allow')}",
            )
        )
    return []
