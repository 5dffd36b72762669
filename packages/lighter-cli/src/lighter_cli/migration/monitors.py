"""Rename the logged values that monitors name."""

import re
from collections.abc import Sequence

from lighter_cli.migration.document import Document
from lighter_cli.migration.tree import replace_text, texts

_LOSS = re.compile(r"(?P<mode>train|val|test)[/_]loss(?:[/_]epoch)?")
_METRIC = re.compile(r"(?P<mode>train|val|test)/(?:metrics/)?(?P<name>[A-Za-z]\w*?)(?:_epoch|/epoch)")


def rename_monitors(documents: Sequence[Document]) -> None:
    """Write `val_loss` and `val/loss` as `val/loss/epoch`, and `val/F1_epoch` as `val/metrics/F1/epoch`.

    Only for a system: the author of a module names what it logs.
    """
    if not any("system" in document.root for document in documents):
        return
    for document in documents:
        for _, container, key, text in list(texts(document.root)):
            if key != "monitor":
                continue
            if match := _LOSS.fullmatch(text):
                new = f"{match['mode']}/loss/epoch"
            elif (match := _METRIC.fullmatch(text)) and match["name"] != "loss":
                new = f"{match['mode']}/metrics/{match['name']}/epoch"
            else:
                continue
            if new != text:
                replace_text(container, key, new)
