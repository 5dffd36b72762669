"""What a dotted target takes, read from its source without importing it."""

from lighter_config.signatures.annotations import UNWRITTEN, Mismatch
from lighter_config.signatures.answers import Answer, DoesNotExist, Signature, Unknown
from lighter_config.signatures.parameters import Kind, Parameter
from lighter_config.signatures.reader import SignatureReader

__all__ = [
    "UNWRITTEN",
    "Answer",
    "DoesNotExist",
    "Kind",
    "Mismatch",
    "Parameter",
    "Signature",
    "SignatureReader",
    "Unknown",
]
