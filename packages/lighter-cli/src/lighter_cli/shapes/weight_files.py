"""Read no weights: a network is followed before its files are there, and a check downloads nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import torch
from torch import nn


class OfflineError(OSError):
    """Code wanted to reach another machine."""


class NoWeights(dict[str, Any]):
    """The weights of a file that is not read: everything in it is empty too."""

    def __missing__(self, key: str) -> NoWeights:
        return NoWeights()

    def pop(self, key: str, *default: Any) -> Any:
        """Return no weights, or the default."""
        return default[0] if default else NoWeights()


@contextmanager
def reading_no_weights(reading: Callable[[], AbstractContextManager[None]]) -> Iterator[None]:
    """Give no weights for files that do not exist and for downloads inside, and load only shapes from the others.

    Args:
        reading: Makes the context in which files are read.
    """
    load, load_state_dict, download = torch.load, nn.Module.load_state_dict, torch.hub.download_url_to_file

    @wraps(load)
    def load_shapes(f: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(f, str | Path) and not Path(f).exists():
            return NoWeights()
        with reading():
            return load(f, *args, **kwargs)

    @wraps(load_state_dict)
    def load_what_there_is(self: nn.Module, state_dict: Any, *args: Any, **kwargs: Any) -> Any:
        return load_state_dict(self, state_dict if state_dict else self.state_dict(), *args, **kwargs)

    torch.load = load_shapes
    nn.Module.load_state_dict = load_what_there_is  # type: ignore[method-assign]
    torch.hub.download_url_to_file = lambda *_, **__: None
    try:
        yield
    finally:
        torch.load = load
        nn.Module.load_state_dict = load_state_dict  # type: ignore[method-assign]
        torch.hub.download_url_to_file = download


@contextmanager
def missing_weights_left_out() -> Iterator[None]:
    """Let ``lighter.weights.load_weights`` return the network as it is inside, where its file does not exist."""
    from lighter import weights

    load_weights = weights.load_weights

    @wraps(load_weights)
    def load_what_exists(network: nn.Module, path: str | Path, *args: Any, **kwargs: Any) -> nn.Module:
        return load_weights(network, path, *args, **kwargs) if Path(path).is_file() else network

    weights.load_weights = load_what_exists
    try:
        yield
    finally:
        weights.load_weights = load_weights


def stay_offline() -> None:
    """Refuse connections to other machines from now on, in this process."""
    sys.addaudithook(_refuse_connection)


def _refuse_connection(event: str, args: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.getaddrinfo") and not (
        event == "socket.connect" and isinstance(args[1], str)
    ):
        raise OfflineError("a check of shapes reaches no other machine")
