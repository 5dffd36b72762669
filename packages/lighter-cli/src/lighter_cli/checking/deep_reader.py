"""Import the targets whose source does not tell what they take; nothing is built."""

import contextlib
import inspect
import sys
import traceback
from typing import Any

from lighter_config import DoesNotExist, Signature, SignatureReader, Unknown
from lighter_config.building.imports import NoSuchTargetError, locate
from lighter_config.building.real_signature import real_signature
from lighter_config.signatures import Answer, Parameter, ParameterKind


class DeepReader(SignatureReader):
    """Read what targets take from their source; import only those whose source does not tell."""

    def read(self, target: str) -> Answer:
        """Read what ``target`` takes; importing it may run any code at the top of its module."""
        answer = super().read(target)
        if isinstance(answer, Unknown):
            # imported code may print, and standard output is for the results
            with contextlib.redirect_stdout(sys.stderr):
                answer = self._answers[target] = _imported(target)
        return answer


def _imported(target: str) -> Answer:
    try:
        found = locate(target)
    except NoSuchTargetError as error:
        return _refused(target, str(error).removeprefix(f"{target} "), error.nearest)
    except (Exception, SystemExit) as error:
        return _refused(target, f"cannot be imported: {type(error).__name__}: {error}{_raised_at(error)}")
    if not callable(found):
        return _refused(target, f"is a {type(found).__name__}, which cannot be called")
    try:
        module = _module_of_annotations(found)
        parameters = tuple(_parameter(parameter, module) for parameter in real_signature(found).parameters.values())
    except (ValueError, TypeError):
        return Unknown(target, "it exists, but it has no signature to read")
    name = f"{getattr(found, '__module__', '')}.{getattr(found, '__qualname__', target)}"
    file, line = _source(found)
    return Signature(
        target,
        name,
        parameters,
        inspect.getdoc(found),
        file,
        line,
        is_class=isinstance(found, type),
        is_exact=not _is_wrapper(found),
    )


def _refused(target: str, reason: str, nearest: tuple[str, ...] = ()) -> DoesNotExist:
    return DoesNotExist(target, target, "", False, nearest=nearest, reason=reason)


def _raised_at(error: BaseException) -> str:
    """Return the file and line that raised, in the user's code or a package."""
    if isinstance(error, SyntaxError) and error.filename:
        return ""  # the message names the place
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<")]
    return f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""


def _module_of_annotations(found: Any) -> str:
    """Return the module in which annotations of a callable are written, where their names are looked up."""
    maker = inspect.getattr_static(found, "__init__") if isinstance(found, type) else found
    return str(getattr(inspect.unwrap(maker), "__module__", None) or "")


def _parameter(parameter: inspect.Parameter, module: str) -> Parameter:
    nothing = inspect.Parameter.empty
    default = None if parameter.default is nothing else repr(parameter.default)
    annotation = None if parameter.annotation is nothing else _annotation(parameter.annotation, module)
    return Parameter(parameter.name, ParameterKind(parameter.kind.name), default, annotation, module)


def _annotation(annotation: Any, module: str) -> str:
    """Return an annotation as text, with the name that its module has for a class."""
    if isinstance(annotation, str):
        return annotation
    if isinstance(annotation, type) and annotation.__module__ != "builtins":
        name = str(annotation.__name__)
        names = vars(sys.modules[module]) if module in sys.modules else {}
        if names.get(name) is annotation:
            return name
    return inspect.formatannotation(annotation, module)


def _is_wrapper(found: Any) -> bool:
    """Return whether the signature may differ from the arguments that the callable really takes."""
    methods = [getattr(found, name) for name in ("__init__", "__new__")] if isinstance(found, type) else []
    return any(hasattr(part, "__wrapped__") or hasattr(part, "__signature__") for part in (found, *methods))


def _source(found: Any) -> tuple[str, int]:
    try:
        return inspect.getsourcefile(found) or "", inspect.getsourcelines(found)[1]
    except (OSError, TypeError):
        return "", 0
