"""The Python that reads a variable of the environment."""

import math

from lighter_config.tree.scalars import scalar


def from_environment(variable: str, default: str | None = None) -> str:
    """Return an expression for a variable: a number or a truth value where its default is one, else text.

    The text of a variable that is neither raises when the expression is evaluated.

    Args:
        variable: The name of the variable.
        default: What a file has for it, as it is written there; ``None`` if the variable must be set.

    >>> from_environment("SEED", "3"), from_environment("LR", "1e-3")
    ("int(os.environ.get('SEED', 3))", "float(os.environ.get('LR', 0.001))")
    >>> from_environment("DEBUG", "false")
    "dict(true=True, false=False)[os.environ.get('DEBUG', 'false').lower()]"
    >>> from_environment("DATA", "in"), from_environment("DATA", "'3'"), from_environment("DATA", "null")
    ("os.environ.get('DATA', 'in')", "os.environ.get('DATA', '3')", "os.environ.get('DATA')")
    >>> from_environment("DATA")
    "os.environ['DATA']"
    """
    if default is None:
        return f"os.environ[{variable!r}]"
    value = scalar(default)
    if isinstance(value, bool):
        return f"dict(true=True, false=False)[os.environ.get({variable!r}, {default.lower()!r}).lower()]"
    if isinstance(value, int | float):
        written = repr(value) if math.isfinite(value) else repr(str(value))
        return f"{type(value).__name__}(os.environ.get({variable!r}, {written}))"
    if value is None:
        return f"os.environ.get({variable!r})"
    text = default[1:-1] if _is_quoted(default) else default
    return f"os.environ.get({variable!r}, {text!r})"


def quoted(default: str) -> str:
    """Return a default with quotes, which make it text: for a variable that is a part of a text.

    >>> quoted("3"), quoted("'3'")
    ("'3'", "'3'")
    """
    return default if _is_quoted(default) else f"'{default}'"


def _is_quoted(text: str) -> bool:
    return len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
