"""Show the examples of docstrings as code: doctests stand in free text, which Markdown would run together."""

import re
from typing import Any

import griffe

_DOCTEST = re.compile(r"^>>> .*?(?=\n\s*\n|\Z)", re.MULTILINE | re.DOTALL)


class FencedDoctests(griffe.Extension):
    """Fence each doctest in the docstrings that the site shows."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Change one object's docstring."""
        if obj.docstring is not None:
            shown = re.sub(r" *# doctest: .*", "", obj.docstring.value)
            fenced = _DOCTEST.sub(r"```python\n\g<0>\n```", shown)
            # the plural is the section that griffe shows as code by itself; the other is a box of text
            obj.docstring.value = re.sub(r"^Example:$", "Examples:", fenced, flags=re.MULTILINE)
