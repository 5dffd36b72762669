"""A config as a record keeps it: with the seed of the run, and without secrets."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

from lighter_config.building.copying import OpenFile
from lighter_config.building.resolving import TARGET
from lighter_config.config import Config
from lighter_config.dumping.resolved_view import resolved
from lighter_config.errors import ConfigError
from lighter_config.sections import SEED
from lighter_config.sources.mapping_reader import node_of
from lighter_config.sources.overrides import parse_override
from lighter_config.sources.words import MappingSource, OverrideSource, Source
from lighter_config.tree.credentials import MASK, is_credential, is_masked, is_secret, passwords_in, without_passwords
from lighter_config.tree.node import Key, Node, Segments
from lighter_config.tree.origins import Caller, Word
from lighter_config.tree.paths import format_path
from lighter_config.tree.references import absolute_path, find_references, is_copy, is_reference
from lighter_config.tree.walking import follow

_MIN_LENGTH_IN_TEXT = 4
_MIN_LENGTH = 6
"""Shorter secrets are hidden where their key says so, not wherever their text appears: `test` is a word, too."""


def as_recorded(config: Config, *, seed: int, seed_from: str) -> Config:
    """Return a config as the record of a run keeps it: a mask for each secret, and the seed that was used.

    A seed that is written, or refers to one that is, stays as it is. One that comes from elsewhere is written out.

    Args:
        config: The merged config, not pruned.
        seed: The seed that the run used.
        seed_from: What set a seed that is not in the config: it becomes the place of the value.

    >>> from lighter_config import load
    >>> as_recorded(load([{"api_key": "abc"}]), seed=5, seed_from="environment variable PL_GLOBAL_SEED").tree
    {'api_key': '<secret not recorded>', 'seed': 5}
    """
    config = Secrets(config).masked
    if resolved(config).get(SEED, None) == seed:
        return config
    before = config._root.value.get(SEED)
    node = node_of(seed, Caller(seed_from, None)) if before is None or before.value is None else before.like(seed)
    root = config._root.like({**config._root.value, SEED: node})
    return config._with_root(root, whole=None)


class Secrets:
    """The secrets of a config, and the config without them.

    A secret is text under a key such as ``api_key``, text that such a key refers to, or a password in an address.
    Numbers, references and expressions are none.

    Args:
        config: The merged config, not pruned.

    Attributes:
        paths: Where they are.

    >>> from lighter_config import load
    >>> secrets = Secrets(load([{"logger": {"api_key": "abcdef", "name": "digits"}}, "logger::token=ghi"]))
    >>> secrets.paths, secrets.masked.words[1]
    (('logger::api_key', 'logger::token'), 'logger::token=<secret not recorded>')
    >>> secrets.hidden_in("no access with abcdef")
    'no access with <secret not recorded>'
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        has_credentials = any(is_credential(path[-1]) for path, _ in config._nodes)  # most configs have none
        found = dict(_secrets_below(config._root, config._root)) if has_credentials else {}
        self._marked = frozenset(found)
        addresses = {path: passwords_in(text) for path, text in _addresses_in(config)}
        with_password = (path for path, passwords in addresses.items() if passwords)
        self.paths = tuple(map(format_path, dict.fromkeys((*found, *with_password))))
        texts = {
            *chain.from_iterable(addresses.values()),
            *found.values(),
            *(text for _, text in _secrets_in_copies(config)),
            *_secrets_in_sources(config),
        }
        self._texts = tuple(sorted(texts, key=len, reverse=True))

    @cached_property
    def masked(self) -> Config:
        """The config with a mask in place of each secret, also in its sources."""
        config = self._config
        return Config(
            self._masked(config._root, (), False),
            sources=tuple(map(self._masked_source, config.sources)),
            origins=config._origins,
            doubts=config._doubts,
            open_file=_MaskedFiles(self, config._open_file),
            whole=None,
            copy_errors=config._copy_errors,
        )

    def hidden_in(self, content: Any) -> Any:
        """Return text, or plain values with text in them, with a mask in place of each secret."""
        if isinstance(content, str):
            content = without_passwords(content)
            for secret in self._texts:
                content = content.replace(secret, MASK) if len(secret) >= _MIN_LENGTH_IN_TEXT else content
            return content
        if isinstance(content, Mapping):
            return {key: self.hidden_in(value) for key, value in content.items()}
        if isinstance(content, list | tuple):
            return [self.hidden_in(value) for value in content]
        return content

    def masked_file(self, root: Node) -> Node:
        """Return the tree of another file, which a ``%`` reference reads, with a mask for each secret."""
        return self._masked(root, None, False)

    def _masked(self, node: Node, path: Segments | None, is_inside: bool) -> Node:
        """Return a node without secrets; itself if it holds none.

        Args:
            node: The node.
            path: Where it is; ``None`` in another file.
            is_inside: Whether it belongs to the key of a credential.
        """
        is_inside = is_inside or path in self._marked
        value: Any = node.value
        if node.is_leaf:
            value = self._masked_text(value, is_inside) if isinstance(value, str) else value
        else:
            masked = {
                key: self._masked(child, None if path is None else (*path, key), _is_inside(node, key, is_inside))
                for key, child in node.children()
            }
            if any(masked[key] is not child for key, child in node.children()):
                value = masked if node.is_mapping else list(masked.values())
        patches = tuple(
            replace(change, value=self._masked(change.value, None, is_inside or any(map(is_credential, change.path))))
            for change in node.patches
        )
        is_same = value is node.value and all(
            new.value is old.value for new, old in zip(patches, node.patches, strict=True)
        )
        if is_same:
            return node
        masked_node = node.like(value)
        masked_node.patches = patches
        return masked_node

    def _masked_text(self, text: str, is_inside: bool) -> str:
        """Return the mask for a secret; with the rest of the text, if that holds more than the secret."""
        if is_masked(text):
            return text
        if is_inside and is_secret(text):
            return MASK
        rest = without_passwords(text)
        for secret in self._texts:
            if len(secret) >= _MIN_LENGTH:
                rest = rest.replace(secret, "***")
        return text if rest == text else MASK if rest == "***" else f"{MASK} {rest}"

    def _masked_source(self, source: Source) -> Source:
        if isinstance(source, OverrideSource):
            return replace(source, text=self._masked_override(source.text))
        if isinstance(source, MappingSource):
            root = node_of(source.mapping, Caller("", None))
            masked = self._masked(root, (), False)
            return source if masked is root else replace(source, mapping=masked.plain())
        return source

    def _masked_override(self, text: str) -> str:
        change = parse_override(text, Word(text, 0))
        is_inside = any(map(is_credential, change.path)) or change.path in self._marked
        masked = self._masked(change.value, change.path, is_inside)
        if masked is change.value:
            return text
        head = text[: text.index("=", 1) + 1]
        value = masked.plain()
        return head + (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


class _MaskedFiles:
    """Opens the files that ``%`` references read, without their secrets.

    Args:
        secrets: What to mask.
        open_file: Opens a file as it is.
    """

    def __init__(self, secrets: Secrets, open_file: OpenFile) -> None:
        self._secrets = secrets
        self._open_file = open_file

    def __call__(self, file: str, folder: Path | None) -> tuple[str, Node]:
        name, root = self._open_file(file, folder)
        return name, self._secrets.masked_file(root)


def _is_inside(parent: Node, key: Key, is_inside: bool) -> bool:
    """Return whether a child belongs to the key of a credential; an argument of a component has its own key."""
    return is_credential(key) or (is_inside and not (parent.is_mapping and TARGET in parent.value))


def _secrets_below(
    root: Node, start: Node, at: Segments = (), is_inside: bool = False
) -> Iterator[tuple[Segments, str]]:
    """Yield the path and text of each secret, also of those that the key of a credential refers to."""
    seen: set[tuple[Segments, bool]] = set()
    pending = [(start, at, is_inside)]
    while pending:
        node, path, inside = pending.pop()
        if (path, inside) in seen:
            continue
        seen.add((path, inside))
        pending += [(child, (*path, key), _is_inside(node, key, inside)) for key, child in reversed([*node.children()])]
        if not inside or not isinstance(node.value, str):
            continue
        if is_secret(node.value):
            yield path, node.value
        elif (target := _target(root, node, path)) is not None:
            pending.append((*target, True))


def _addresses_in(config: Config) -> Iterator[tuple[Segments, str]]:
    for path, node in config._nodes:
        value = node.value
        if type(value) is str and "://" in value and not is_masked(value):
            yield path, value


def _target(root: Node, node: Node, path: Segments) -> tuple[Node, Segments] | None:
    """Return the node that a reference leads to directly, with its path."""
    if not is_reference(node.value) and not is_copy(node.value):
        return None
    try:
        reference = find_references(node.value)[0]
        reached = follow(root, absolute_path(reference, path))
    except ConfigError:
        return None  # reported by the check of references
    return None if reference.file or reached.rest else (reached.node, reached.path)


def _secrets_in_copies(config: Config) -> Iterator[tuple[Segments, str]]:
    expanded = config.expanded()
    root = expanded._root
    return iter(()) if expanded is config else _secrets_below(root, root)


def _secrets_in_sources(config: Config) -> Iterator[str]:
    """Yield the secrets that later sources replaced: the inputs of a run are recorded, too."""
    for source in config.sources:
        if isinstance(source, OverrideSource):
            change = parse_override(source.text, Word(source.text, 0))
            is_inside = any(map(is_credential, change.path))
            found = _secrets_below(change.value, change.value, change.path, is_inside)
        elif isinstance(source, MappingSource):
            root = node_of(source.mapping, Caller("", None))
            found = _secrets_below(root, root)
        else:
            continue
        yield from (text for _, text in found)
