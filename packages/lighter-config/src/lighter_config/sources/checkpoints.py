"""Read the config out of a checkpoint, without torch and without building any object pickled in it."""

import io
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any, BinaryIO, Self

from lighter_config.errors import SourceError
from lighter_config.findings import Finding
from lighter_config.regular_files import open_regular
from lighter_config.sources.recorded_places import Places, places_in

CHECKPOINT_KEY = "lighter_record"
"""The key of a checkpoint that holds the record of its run as JSON text; its ``config`` is YAML text."""


def stored_config(path: Path, name: str) -> tuple[str, Places]:
    """Return the config in a checkpoint as YAML text, and the places that set its values.

    Raises:
        SourceError: The file is not a complete checkpoint, or holds no config.
    """
    record = stored_record(path, name)
    text, places = record.get("config"), record.get("provenance", {})
    if not isinstance(text, str):
        fix = f"give the config too, and the checkpoint with --ckpt-path {name}"
        raise _error(f"the checkpoint {name!r} holds no config", name, fix=fix)
    return text, places_in(places)


def stored_record(path: Path, name: str) -> dict[str, Any]:
    """Return the record of the run that wrote a checkpoint; empty when the checkpoint has none.

    Args:
        path: The file.
        name: As the user named it.

    Raises:
        SourceError: The file is not a complete checkpoint, or its record is damaged.
    """
    try:
        with open_regular(path) as stream, open_archive(stream) as archive:
            member = next(entry for entry in archive.namelist() if entry.endswith("/data.pkl") or entry == "data.pkl")
            content = _Reader(io.BytesIO(archive.read(member))).load()
    except (zipfile.BadZipFile, StopIteration, OSError) as error:
        raise _error(f"{name!r} is not a complete checkpoint file", name, fix=_FIX, expected=_EXPECTED) from error
    except Exception as error:  # a damaged pickle can raise anything
        message = f"{name!r} is damaged: {type(error).__name__}: {error}"
        raise _error(message, name, fix=_FIX, expected=_EXPECTED) from error
    text = content.get(CHECKPOINT_KEY) if isinstance(content, dict) else None
    try:
        record = json.loads(text) if isinstance(text, str) else {}
    except (ValueError, RecursionError) as error:
        raise _error(f"the record in {name!r} is damaged", name, fix=_FIX) from error
    if not isinstance(record, dict):
        raise _error(f"the record in {name!r} is damaged", name, fix=_FIX)
    return record


def open_archive(stream: BinaryIO) -> zipfile.ZipFile:
    """Open the archive that a checkpoint is. ``torch.save`` compresses nothing, so its entries fit into the file.

    Raises:
        BadZipFile: It is not such an archive: reading a small file of another kind could fill the memory.
    """
    archive = zipfile.ZipFile(stream)
    entries = archive.infolist()
    size = stream.seek(0, io.SEEK_END)
    is_plain = all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)
    if not is_plain or sum(entry.file_size for entry in entries) > size:
        raise zipfile.BadZipFile("its entries are compressed or overlap")
    return archive


class _Inert:
    """Replaces every pickled object that is not a plain container, text or number; does nothing."""

    def __new__(cls, *_: Any, **__: Any) -> Self:
        return super().__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __call__(self, *_: Any, **__: Any) -> Self:
        return self

    def __setstate__(self, state: Any) -> None:
        pass

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def append(self, item: Any) -> None:
        pass

    def extend(self, items: Any) -> None:
        pass


class _Reader(pickle._Unpickler):
    """An unpickler that imports and calls nothing that the file names.

    It is the one in Python: the one in C reserves memory for every number that the file gives an object. Of mappings it
    keeps the entries under text, and of sets nothing: other keys, and the numbers of ``PUT``, can be chosen to have the
    same hash. ``BYTEARRAY8`` reserves as much memory as the file says.
    """

    def find_class(self, _module: str, _name: str, /) -> Any:
        return _Inert

    def persistent_load(self, _pid: Any, /) -> Any:
        return None

    def load_setitem(self: Any) -> None:
        """Read one item of a mapping."""
        value, key = self.stack.pop(), self.stack.pop()
        _put(self.stack[-1], [key, value])

    def load_setitems(self: Any) -> None:
        """Read items of a mapping."""
        items = self.pop_mark()
        _put(self.stack[-1], items)

    def load_dict(self: Any) -> None:
        """Read a mapping."""
        items = self.pop_mark()
        self.stack.append({})
        _put(self.stack[-1], items)

    def load_additems(self: Any) -> None:
        """Read items of a set."""
        self.pop_mark()

    def load_frozenset(self: Any) -> None:
        """Read a set that does not change."""
        self.pop_mark()
        self.stack.append(frozenset())

    dispatch = {  # noqa: RUF012 - as in the class above it
        **pickle._Unpickler.dispatch,
        pickle.SETITEM[0]: load_setitem,
        pickle.SETITEMS[0]: load_setitems,
        pickle.DICT[0]: load_dict,
        pickle.ADDITEMS[0]: load_additems,
        pickle.FROZENSET[0]: load_frozenset,
    }
    for _code in (pickle.PUT, pickle.BYTEARRAY8):  # `torch.save` writes neither
        del dispatch[_code[0]]


def _put(target: Any, keys_and_values: list[Any]) -> None:
    for key, value in zip(keys_and_values[::2], keys_and_values[1::2], strict=True):
        if type(key) is str:
            target[key] = value


_EXPECTED = "a file that torch.save wrote to its end"
_FIX = "name another checkpoint, or copy this one again"


def _error(message: str, name: str, *, fix: str = "", expected: str = "") -> SourceError:
    return SourceError(Finding(message=message, excerpt=name, expected=(expected,) if expected else (), fix=fix))
