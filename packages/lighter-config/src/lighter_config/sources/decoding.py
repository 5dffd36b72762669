"""Decode the bytes of config files."""

from lighter_config.errors import YamlError
from lighter_config.findings import Finding
from lighter_config.places import Place


def decode(content: bytes, name: str) -> str:
    """Decode the bytes of a file.

    Raises:
        YamlError: They are not UTF-8; the error names the line.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        message = f"{name} is not UTF-8: byte 0x{content[error.start]:02x} in line {line}"
        place = Place(name, line)
        raise YamlError(Finding(message=message, place=place, fix="save the file as UTF-8")) from error
