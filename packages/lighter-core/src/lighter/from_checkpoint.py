"""Make a module of a checkpoint in Python, or say what the checkpoint lacks."""

import re
from typing import Any, Self

from pytorch_lightning import LightningModule

from lighter.errors import WeightsError


class FromCheckpoint(LightningModule):
    """A module whose class says which objects it needs besides the weights of a checkpoint."""

    @classmethod
    def load_from_checkpoint(cls, checkpoint_path: Any, *args: Any, **kwargs: Any) -> Self:
        """Make a module with the weights of a checkpoint, as Lightning's method does.

        A checkpoint has no objects: give those that the class needs, such as ``model=network`` for a System. The
        weights of a criterion or of metrics that you do not give are left out.

        Raises:
            WeightsError: An object that the class needs is missing.
        """
        try:
            return super().load_from_checkpoint(checkpoint_path, *args, **kwargs)
        except TypeError as error:
            text = str(error)
            if not any(f"{base.__name__}.__init__() missing" in text for base in cls.__mro__):
                raise
            needed = re.findall(r"'(\w+)'", text)
            raise WeightsError(
                f"{cls.__name__} cannot be made of the checkpoint {str(checkpoint_path)!r} alone: it has no objects",
                expected=f"the objects that {cls.__name__} needs: {', '.join(needed)}",
                fix=f"write `{cls.__name__}.load_from_checkpoint(path, {', '.join(f'{name}=...' for name in needed)})`;"
                " if the `lighter` command wrote the file, `lighter_cli.load_network(path)` builds its network",
            ) from error
