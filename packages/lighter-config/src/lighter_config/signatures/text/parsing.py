"""Parse source without the warnings that belong to those who wrote it."""

import ast
import warnings


def parse_module(text: str | bytes, name: str = "<unknown>") -> ast.Module:
    r"""Parse the source of a module without Python's warnings about it.

    Python warns of doubtful text, such as the escape in ``"\d"``, each time it is parsed: on every check, and for code
    of libraries too. Where warnings are errors, as in many tests, such a module could not be read. Its import still
    warns.

    Args:
        text: The source.
        name: The name of its file, for errors.

    Raises:
        SyntaxError: The text is not Python of this version.
        ValueError: It holds null bytes.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text, filename=name)
