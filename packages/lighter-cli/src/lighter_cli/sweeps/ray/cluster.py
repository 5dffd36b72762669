"""Connect to a Ray cluster: soon, quietly, or with an error that says what is wrong."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import ray

from lighter_cli.errors import SweepError
from lighter_config import Finding
from lighter_config.places import Place

_ANSWER_S = 5.0
_CONNECT_S = 20.0  # Ray itself tries for minutes
_CLIENT_S = 60.0  # a server starts a process for each client first
_CLIENT = "ray://"
_CLIENT_PORT = 10001
_LAST_PORT = 65535
_QUIET = {
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1",  # it warns where this is not set
}


@contextmanager
def connected(address: str) -> Iterator[None]:
    """Be connected to a Ray cluster.

    Args:
        address: ``auto``, ``HOST:PORT``, or ``ray://HOST:PORT``.

    Raises:
        SweepError: It does not answer, or Ray refuses the connection.
    """
    _refuse_silence(address)
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    errors: list[BaseException] = []

    def connect() -> None:
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.CRITICAL)
        except BaseException as error:
            errors.append(error)

    # a thread, as Ray takes no limit of time; a daemon, as nothing ends it
    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    patience_s = _CLIENT_S if address.startswith(_CLIENT) else _CONNECT_S
    thread.join(patience_s)
    if thread.is_alive():
        raise _no_connection(address, f"no answer of Ray in {patience_s:.0f} s")
    if errors:
        refused = _no_connection(address, "Ray refuses")
        refused.add_note(str(errors[0]).strip())
        raise refused from errors[0]
    try:
        yield
    finally:
        ray.shutdown()


def _refuse_silence(address: str) -> None:
    """Raise an error if nothing listens at an address, before Ray tries it for minutes."""
    if address == "auto":
        return
    host, separator, port = address.removeprefix(_CLIENT).rpartition(":")
    if not separator and address.startswith(_CLIENT):
        host, port = port, str(_CLIENT_PORT)
    if not host or not port.isdecimal() or int(port) > _LAST_PORT:
        raise SweepError(
            Finding(
                message=f"{address!r} is not the address of a Ray cluster",
                place=Place("option --ray"),
                excerpt=address,
                expected=("auto on a node of the cluster, HOST:PORT there, or ray://HOST:PORT from outside",),
            )
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_S).close()
    except OSError as error:
        raise _no_connection(address, error.strerror or str(error)) from error


def _no_connection(address: str, reason: str) -> SweepError:
    return SweepError(
        Finding(
            message=f"no Ray cluster can be reached at {address}: {reason}",
            place=Place("option --ray"),
            excerpt=address,
            fix="look with ray status on a node of the cluster; ray start --head starts one",
        )
    )
