"""What the commands of ``lighter sweeps`` share."""

from typing import Annotated

from cyclopts import Parameter

Sweep = Annotated[str, Parameter(help="The name of a sweep, a part of it, its folder, or 'last'.")]
