"""Say which layer got which tensor, what it takes, and what to change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from traceback import walk_tb
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as torch_module

from lighter.errors import AdapterError
from lighter.lightning.given_values import kind_of
from lighter_cli.preflight.failures import Parts, findings_of, placed, user_line
from lighter_cli.shapes.unfollowed import is_unfollowed
from lighter_config import Finding, Severity

if TYPE_CHECKING:
    from pytorch_lightning import LightningModule

CHECK = "shapes"

# torch has no public base of its convolutions, nor of its norms
_CONVOLUTIONS, _NORMS = nn.modules.conv._ConvNd, nn.modules.batchnorm._NormBase  # noqa: SLF001

_SIZED: tuple[tuple[tuple[type[nn.Module], ...], str, int], ...] = (
    ((nn.Linear,), "in_features", -1),
    ((_CONVOLUTIONS,), "in_channels", 1),
    ((_NORMS,), "num_features", 1),
    ((nn.GroupNorm,), "num_channels", 1),
    ((nn.RNNBase, nn.RNNCellBase), "input_size", -1),
    ((nn.MultiheadAttention,), "embed_dim", -1),
)
"""Modules, the argument that says which size they take, and the dimension of the input that must have it."""

_MAX_TEXT = 160

_TO_DESCRIBE = "describe every item that the adapter reads below `shapes`: 32:str is a list of 32 texts"


@dataclass(frozen=True, slots=True)
class _Call:
    """A module that was running when an error was raised, and what it was given."""

    module: nn.Module
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    @property
    def given(self) -> str:
        return ", ".join(
            [*map(kind_of, self.args), *(f"{name}={kind_of(value)}" for name, value in self.kwargs.items())]
        )


def findings_in_step(error: Exception, parts: Parts, module: LightningModule, section: str) -> list[Finding]:
    """Return the findings of an error of a step.

    Args:
        error: What was raised.
        parts: What was built.
        module: The module whose step it was.
        section: The section that it was built from.
    """
    frames = [frame for frame, _ in walk_tb(error.__traceback__)][::-1]
    path = parts.path_of(frames) or section
    calls = list(_calls(frames))
    call = next((one for one in calls if one.module is not module), None)
    if is_unfollowed(error):
        return [_unfollowed(error, parts, path, call, module)]
    if call is None or _is_in_metrics(path, frames):
        found = findings_of(error, parts, section)
        return [replace(one, fix=_TO_DESCRIBE) for one in found] if isinstance(error, AdapterError) else found
    return [_of_call(error, parts, path, call, module)]


def findings_in_building(error: Exception, parts: Parts, section: str) -> list[Finding]:
    """Return the findings of an error of a constructor; files and packages that are missing are not mistakes of shapes.

    Args:
        error: What was raised.
        parts: What was built.
        section: The section that was built.
    """
    found = findings_of(error, parts, section)
    if not is_unfollowed(error) and not isinstance(error, OSError):
        return found
    (finding, *_) = found
    reason = "it needs a file that is not there" if isinstance(error, FileNotFoundError) else _reason(error)
    return [_cannot_be_followed(finding.path, reason, error, parts)]


def _of_call(error: Exception, parts: Parts, path: str, call: _Call, module: LightningModule) -> Finding:
    subject, line = _subject(path, call, module, parts), user_line(error)
    text = " ".join(str(error).split())
    sized = _size_of(call)
    if sized is None:
        converted = _conversion(call)
        where = f" ({line})" if line else ""
        return _finding(
            parts,
            path,
            message=f"{subject} cannot take {call.given}",
            expected=(text[:_MAX_TEXT] or type(error).__name__,),
            fix=converted or f"let {path} take what it gets, or correct what comes before{where}",
        )
    name, wanted, dimension, given = sized
    where = "the last dimension" if dimension < 0 else f"dimension {dimension}"
    of_config = parts.path_by_id(call.module)
    change = (
        f"{of_config}::{name}={given}" if of_config else f"give it {name}={given}" + (f", in {line}" if line else "")
    )
    return _finding(
        parts,
        of_config or path,
        message=f"{subject} has {name}={wanted}, and gets {call.given}",
        expected=(f"{wanted} in {where}, which is {given}",),
        fix=f"{change}; or let what comes before it give {wanted}",
    )


def _size_of(call: _Call) -> tuple[str, int, int, int] | None:
    """Return argument, wanted size, dimension and given size of a layer whose input has another size; else ``None``."""
    given = call.args[0] if call.args else None
    if not isinstance(given, Tensor):
        return None
    for kinds, name, dimension in _SIZED:
        wanted = getattr(call.module, name, None)
        if isinstance(call.module, kinds) and isinstance(wanted, int) and -given.ndim <= dimension < given.ndim:
            size = given.shape[dimension]
            is_unbatched = isinstance(call.module, _CONVOLUTIONS) and given.ndim == len(call.module.kernel_size) + 1
            return None if size == wanted or is_unbatched else (name, wanted, dimension, int(size))
    return None


def _conversion(call: _Call) -> str:
    """Return how to convert the input of a layer of another dtype; empty where its dtype is not the reason."""
    given = call.args[0] if call.args else None
    weight = next((one for one in call.module.parameters(recurse=False) if one.is_floating_point()), None)
    if not isinstance(given, Tensor) or not isinstance(weight, Tensor) or given.dtype == weight.dtype:
        return ""
    if isinstance(call.module, nn.Embedding | nn.EmbeddingBag):
        return "" if given.dtype in (torch.int64, torch.int32) else "convert the indices with .long()"
    name = str(weight.dtype).removeprefix("torch.")
    return f"convert the input to {name}, in the dataset or an adapter; or give trainer::precision another value"


def _subject(path: str, call: _Call, module: LightningModule, parts: Parts) -> str:
    """Name a layer: by its path in the config if it has one, else by its name in the network."""
    kind = type(call.module).__name__
    if own := parts.path_by_id(call.module):
        return f"{own} ({kind})"
    network = getattr(module, "network", None)
    for holder in (network, module):
        if isinstance(holder, nn.Module):
            name = next((name for name, one in holder.named_modules() if one is call.module and name), "")
            if name:
                return f"{path}: {name} ({kind})"
    return f"{path} ({kind})"


def _unfollowed(error: Exception, parts: Parts, path: str, call: _Call | None, module: LightningModule) -> Finding:
    subject = path if call is None else _subject(path, call, module, parts)
    return _cannot_be_followed(path, _reason(error), error, parts, subject)


def _cannot_be_followed(path: str, reason: str, error: Exception, parts: Parts, subject: str = "") -> Finding:
    line = user_line(error)
    return placed(
        Finding(
            message=f"{subject or path} cannot be followed: {reason}",
            severity=Severity.NOTE,
            path=path,
            case=line,
            fix="rehearse it with data: lighter preflight",
            check=CHECK,
        ),
        parts.config,
        path,
    )


def _reason(error: BaseException) -> str:
    kind = type(error).__name__
    if kind in ("DataDependentOutputException", "DynamicOutputShapeException", "GuardOnDataDependentSymNode"):
        return "it looks at the values of a tensor"
    if "numpy" in str(error) or "tensor subclasses" in str(error):
        return "it makes an array of a tensor"
    if kind == "OfflineError":
        return "it reaches another machine, and a check does not"
    text = " ".join(str(error).split())
    return f"{kind}: {text}"[:_MAX_TEXT] if text else kind


def _finding(parts: Parts, path: str, **fields: Any) -> Finding:
    return placed(Finding(path=path, check=CHECK, **fields), parts.config, path)


def _calls(frames: list[FrameType]) -> Iterator[_Call]:
    """Yield the modules of torch that were running, the innermost first."""
    for frame in frames:
        values = frame.f_locals
        if frame.f_code.co_filename == torch_module.__file__ and frame.f_code.co_name == "_call_impl":
            yield _Call(values["self"], values["args"], values.get("kwargs", {}))


def _is_in_metrics(path: str, frames: list[FrameType]) -> bool:
    return "metrics" in path or any(frame.f_code.co_name == "update_with_zeros" for frame in frames)
