"""Rename arguments of writers."""

from collections.abc import Sequence
from typing import Any

from ruamel.yaml.comments import CommentedMap, CommentedSeq

from lighter_cli.migration.document import Document
from lighter_cli.migration.tree import is_component, mappings, put_in, rename_key, take_out

_FORMATS = {"tensor": "tensor", "text": "text", "image": "image_2d", "image_2d": "image_2d", "image_3d": "image_3d"}
_FILE_WRITER, _CSV_WRITER = "lighter.callbacks.FileWriter", "lighter.callbacks.CsvWriter"


def rename_writer_arguments(documents: Sequence[Document]) -> None:
    """Rename the arguments of file and table writers."""
    has_identifiers = any(
        "identifier_accessor" in mapping for document in documents for _, mapping in mappings(document.root)
    )
    for document in documents:
        for _, mapping in list(mappings(document.root)):
            if mapping.get("_target_") == _FILE_WRITER:
                _of_files(document, mapping, has_identifiers=has_identifiers)
            elif mapping.get("_target_") == _CSV_WRITER:
                _of_tables(document, mapping, has_identifiers=has_identifiers)


def _of_files(document: Document, writer: CommentedMap, *, has_identifiers: bool) -> None:
    is_old = "path" in writer
    if is_old:
        rename_key(writer, "path", "directory")
    for old in ("writer", "writer_fn"):
        if old in writer:
            rename_key(writer, old, "format")
            _check_format(document, writer, old)
    if is_old and has_identifiers and "name_key" not in writer:
        put_in(writer, "name_key", "identifier")


def _check_format(document: Document, writer: CommentedMap, old: str) -> None:
    given = writer["format"]
    if not isinstance(given, str) or given[:1] in ("$", "@", "%"):
        if is_component(given) and "_mode_" not in given:
            given["_mode_"] = "callable"
    elif given in _FORMATS:
        writer["format"] = type(given)(_FORMATS[given])
    elif "." in given:
        component = CommentedMap(_target_=given, _mode_="callable")
        document.take_place(component, writer, old)
        writer["format"] = component
    else:
        fix = "give a function that takes a file and a value: {_target_: project.write, _mode_: callable}"
        document.say(f"unknown file format {given!r}", writer, old, fix=fix)


def _of_tables(document: Document, writer: CommentedMap, *, has_identifiers: bool) -> None:
    if "writer" in writer:
        given: Any = writer["writer"]
        if given != "tensor":
            document.say(
                "`writer` is removed: a table stores values as they are",
                writer,
                "writer",
                fix="change them in a LoggingAdapter, or return what the table should hold",
            )
        take_out(writer, "writer")
    if "keys" not in writer:
        keys = CommentedSeq(["identifier", "pred"] if has_identifiers else ["pred"])
        keys.fa.set_flow_style()
        put_in(writer, "keys", keys)
