"""``lighter schema``: print the JSON Schema of an experiment, for editors that know YAML and not Lighter."""

from lighter_cli.commands._inputs import Inputs
from lighter_cli.inspecting.schema import schema_text
from lighter_cli.terminal import output


def schema(*inputs: Inputs) -> None:
    """Print a JSON Schema of the experiment: its sections, and what its targets take. Nothing is imported or built."""
    output.write_lines([line] for line in schema_text(inputs).splitlines())
