"""Limit the file systems that a path such as ``s3://bucket/x`` can name, for ``--safe``."""

from collections.abc import Iterator
from contextlib import contextmanager

_STORAGE = frozenset(
    "abfs abfss adl az file ftp gcs gs hdfs hf http https local memory oss s3 s3a webhdfs".split()  # noqa: SIM905
)
"""Protocols that store files. Others of fsspec wrap a second address, start programs, or run templates of a file."""


@contextmanager
def only_storage() -> Iterator[None]:
    """Make fsspec, through which Lightning and TensorBoard open paths with ``://``, know no other protocols inside.

    A protocol that this process has already used stays known.
    """
    from fsspec.registry import known_implementations  # type: ignore[import-untyped]

    others = {name: known_implementations.pop(name) for name in known_implementations.keys() - _STORAGE}
    try:
        yield
    finally:
        known_implementations.update(others)
