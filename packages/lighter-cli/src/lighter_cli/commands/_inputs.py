"""The parameters that several commands share.

This module imports nothing of Lighter, so that ``lighter fit --help`` stays quick.
"""

from typing import Annotated

from cyclopts import Parameter

Inputs = Annotated[
    str,
    Parameter(
        name="WORDS",  # as places and run records call them: `command line, word 2`
        help="Config files, runs, checkpoints, and overrides such as trainer::max_epochs=3; later ones win. "
        "'-' reads standard input.",
    ),
]
"""What a command is given to merge into one experiment."""

Safe = Annotated[
    bool,
    Parameter(
        negative=(),
        show_default=False,
        help="Refuse targets outside a list, and expressions beyond arithmetic and calls on values. Not a sandbox.",
    ),
]

Allow = Annotated[
    list[str] | None,
    Parameter(negative=(), help="With --safe: allow this callable or package too; may be given several times."),
]

Json = Annotated[bool, Parameter(name="--json", negative=(), show_default=False, help="Print JSON, for tools.")]

Csv = Annotated[bool, Parameter(name="--csv", negative=(), show_default=False, help="Print CSV, for tools.")]
