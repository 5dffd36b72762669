"""Load, merge, override, refer, prune, check and explain configs; start at `loading`, `config` and `checks`."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lighter_config.checks import DEFAULT_CHECKS, Check, CheckContext, check
    from lighter_config.config import Config
    from lighter_config.diffing import Difference, Kind, diff
    from lighter_config.dumping import to_yaml
    from lighter_config.dumping.recording import Secrets, as_recorded
    from lighter_config.dumping.resolved_view import resolved
    from lighter_config.errors import (
        CheckError,
        CircularReferenceError,
        ConfigError,
        DumpError,
        ExpressionError,
        MergeError,
        PathError,
        ReferenceNotFoundError,
        SecretError,
        SourceError,
        TargetError,
        YamlError,
    )
    from lighter_config.findings import Finding, Severity
    from lighter_config.loading import load
    from lighter_config.places import Place
    from lighter_config.pruning import prune
    from lighter_config.signatures import DoesNotExist, Signature, SignatureReader, Unknown
    from lighter_config.sources.checkpoints import CHECKPOINT_KEY, stored_record
    from lighter_config.sources.edited_texts import EditedTexts
    from lighter_config.sources.recorded_places import RECORDED_PLACES
    from lighter_config.sources.run_folders import RECORD_FILE, RECORDED_CONFIG
    from lighter_config.sources.texts import Texts
    from lighter_config.sources.words import (
        CheckpointSource,
        DimensionSource,
        FileSource,
        MappingSource,
        OverrideSource,
        RunSource,
        Source,
        StdinSource,
        parse_sources,
    )
    from lighter_config.stages import MODES, Stage
    from lighter_config.suggestions import nearest_names
    from lighter_config.tree.history import Setting
    from lighter_config.tree.paths import format_path, parse_path
    from lighter_config.tree.references import find_references, is_computed, is_copy


__all__ = [
    "CHECKPOINT_KEY",
    "DEFAULT_CHECKS",
    "MODES",
    "RECORDED_CONFIG",
    "RECORDED_PLACES",
    "RECORD_FILE",
    "Check",
    "CheckContext",
    "CheckError",
    "CheckpointSource",
    "CircularReferenceError",
    "Config",
    "ConfigError",
    "Difference",
    "DimensionSource",
    "DoesNotExist",
    "DumpError",
    "EditedTexts",
    "ExpressionError",
    "FileSource",
    "Finding",
    "Kind",
    "MappingSource",
    "MergeError",
    "OverrideSource",
    "PathError",
    "Place",
    "ReferenceNotFoundError",
    "RunSource",
    "SecretError",
    "Secrets",
    "Setting",
    "Severity",
    "Signature",
    "SignatureReader",
    "Source",
    "SourceError",
    "Stage",
    "StdinSource",
    "TargetError",
    "Texts",
    "Unknown",
    "YamlError",
    "as_recorded",
    "check",
    "diff",
    "find_references",
    "format_path",
    "is_computed",
    "is_copy",
    "load",
    "nearest_names",
    "parse_path",
    "parse_sources",
    "prune",
    "resolved",
    "stored_record",
    "to_yaml",
]

_NAMES = {
    "lighter_config.checks": ("DEFAULT_CHECKS", "Check", "CheckContext", "check"),
    "lighter_config.config": ("Config",),
    "lighter_config.diffing": ("Difference", "Kind", "diff"),
    "lighter_config.dumping": ("to_yaml",),
    "lighter_config.dumping.recording": ("Secrets", "as_recorded"),
    "lighter_config.dumping.resolved_view": ("resolved",),
    "lighter_config.errors": (
        "CheckError",
        "CircularReferenceError",
        "ConfigError",
        "DumpError",
        "ExpressionError",
        "MergeError",
        "PathError",
        "ReferenceNotFoundError",
        "SecretError",
        "SourceError",
        "TargetError",
        "YamlError",
    ),
    "lighter_config.findings": ("Finding", "Severity"),
    "lighter_config.loading": ("load",),
    "lighter_config.places": ("Place",),
    "lighter_config.pruning": ("prune",),
    "lighter_config.signatures": ("DoesNotExist", "Signature", "SignatureReader", "Unknown"),
    "lighter_config.sources.checkpoints": ("CHECKPOINT_KEY", "stored_record"),
    "lighter_config.sources.edited_texts": ("EditedTexts",),
    "lighter_config.sources.recorded_places": ("RECORDED_PLACES",),
    "lighter_config.sources.run_folders": ("RECORDED_CONFIG", "RECORD_FILE"),
    "lighter_config.sources.texts": ("Texts",),
    "lighter_config.sources.words": (
        "CheckpointSource",
        "DimensionSource",
        "FileSource",
        "MappingSource",
        "OverrideSource",
        "RunSource",
        "Source",
        "StdinSource",
        "parse_sources",
    ),
    "lighter_config.stages": ("MODES", "Stage"),
    "lighter_config.suggestions": ("nearest_names",),
    "lighter_config.tree.history": ("Setting",),
    "lighter_config.tree.paths": ("format_path", "parse_path"),
    "lighter_config.tree.references": ("find_references", "is_computed", "is_copy"),
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names}


def __dir__() -> list[str]:
    """Return all names, also those that are not imported yet: notebooks complete them."""
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    """Import a name when it is first asked for: a command needs few of them."""
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
