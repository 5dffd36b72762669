"""Print the JSON Schema of an experiment: what ``lighter schema`` prints."""

import json
from collections.abc import Sequence

from lighter_cli.checking.config_checker import is_fragment
from lighter_cli.describing.schema import schema_of
from lighter_cli.inspecting.merged_inputs import load_merged
from lighter_config import Config, FileSource
from lighter_config.project import reader_for
from lighter_config.regular_files import read_regular
from lighter_config.sources.bases import BASE
from lighter_config.sources.decoding import decode
from lighter_config.sources.yaml_reader import read_mapping
from lighter_config.tree.origins import Document
from lighter_config.tree.paths import SEPARATOR
from lighter_config.tree.walking import walk


def schema_text(inputs: Sequence[str]) -> str:
    """Return the JSON Schema of an experiment, as text.

    Args:
        inputs: Files, runs and overrides.

    Raises:
        ConfigError: The inputs do not make a config.
    """
    config = load_merged(inputs, example="lighter schema config.yaml > config.schema.json")
    return json.dumps(schema_of(config, reader_for(config), is_whole=_is_whole(config)), indent=1)


def _is_whole(config: Config) -> bool:
    """Return whether one file holds all of an experiment, each value in the mapping that it belongs to."""
    if is_fragment(config):
        return False
    if len(config.sources) != 1 or not isinstance(file := config.sources[0], FileSource):
        return False
    text = decode(read_regular(file.path), file.name)
    tree = read_mapping(text, Document(file.name, text, file.path.parent))
    keys = [key for _, node in walk(tree) for key in (node.value if node.is_mapping else ())]
    return not any(key == BASE or (isinstance(key, str) and (SEPARATOR in key or "#" in key)) for key in keys)
