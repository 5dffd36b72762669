"""Tell a mistake from code that cannot be followed: it looks at values, which a described batch does not have."""

from __future__ import annotations

from torch._subclasses import fake_tensor
from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode

from lighter_cli.shapes.weight_files import OfflineError

_KINDS = (
    fake_tensor.DynamicOutputShapeException,
    fake_tensor.DataDependentOutputException,
    fake_tensor.UnsupportedFakeTensorException,
    fake_tensor.UnsupportedOperatorException,
    fake_tensor.UnsupportedMutationAliasingException,
    GuardOnDataDependentSymNode,
    OfflineError,
)
_TEXTS = (
    "not supported for tensor subclasses",  # .numpy()
    "data is not allocated yet",
    "Cannot access data pointer",
    "have storage",
    "meta tensor",
    "FakeTensor",
    "without values",
    "Attempted to call `variable.set_data(tensor)`",
    "Torch not compiled with CUDA",
    "No CUDA GPUs are available",
    "NVIDIA driver",
)


def is_unfollowed(error: BaseException | None) -> bool:
    """Return whether an error, or what caused it, shows that code needs values, another machine or a GPU."""
    while error is not None:
        if isinstance(error, _KINDS) or any(text in _text(error) for text in _TEXTS):
            return True
        error = error.__cause__ or error.__context__
    return False


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # the text of a user's error may fail itself
        return ""
