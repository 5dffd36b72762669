"""Write the import paths of MONAI's components, which bundles give by their names alone."""

from collections.abc import Sequence

from lighter_cli.migration.document import Document
from lighter_cli.migration.tree import replace_text, texts
from lighter_config import Severity, SignatureReader
from lighter_config.signatures.answers.short_names import find_in, is_installed

_PACKAGE = "monai"


def lengthen_names(documents: Sequence[Document]) -> None:
    """Write `UNet` as `monai.networks.nets.UNet`: names are searched in MONAI's source, as its bundles do."""
    reader = SignatureReader()
    for document in documents:
        for _, container, key, text in list(texts(document.root)):
            if key != "_target_" or not text.isidentifier():
                continue
            if not is_installed(_PACKAGE):
                fix = "install monai, so that its source can be read, and migrate again"
                document.say(f"{text} is a name of MONAI, which is not installed", container, key, fix=fix)
                continue
            found = find_in(_PACKAGE, text, reader)
            if not found:
                fix = "write the import path"
                document.say(f"{text} is not a name of MONAI", container, key, fix=fix)
                continue
            if len(found) > 1:
                message = f"{text} is the first of {', '.join(found)}"
                document.say(message, container, key, severity=Severity.NOTE)
            replace_text(container, key, found[0])
