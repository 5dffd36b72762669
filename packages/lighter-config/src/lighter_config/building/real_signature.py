"""The signature of an object that has been imported."""

import inspect
import sys
from collections.abc import Callable
from typing import Any

if sys.version_info >= (3, 14):
    from annotationlib import Format

    _AS_WRITTEN: dict[str, Any] = {"annotation_format": Format.STRING}
else:
    _AS_WRITTEN: dict[str, Any] = {}


def real_signature(target: Callable[..., Any]) -> inspect.Signature:
    """Return the signature of an object, with annotations as text where Python has not evaluated them.

    Since Python 3.14 an annotation is evaluated when it is asked for. One may name what only type checkers import.

    Raises:
        TypeError: The object cannot be called.
        ValueError: It has no signature to read.

    Source: PEP 649 and PEP 749.
    """
    return inspect.signature(target, **_AS_WRITTEN)
