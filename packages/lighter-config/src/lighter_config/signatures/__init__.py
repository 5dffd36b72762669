"""Say what a dotted target takes: read from its source, without importing it.

Four steps, each in its folder, each using only those before it:
``text`` (files and statements) -> ``namespaces`` (names a module binds) -> ``values`` (what a name stands for) ->
``answers`` (what a call takes).
"""

from lighter_config.signatures.answers.answer import Answer, DoesNotExist, Signature, Unknown
from lighter_config.signatures.answers.mismatch import UNWRITTEN, Mismatch
from lighter_config.signatures.answers.signature_reader import SignatureReader
from lighter_config.signatures.text.parameters import Parameter, ParameterKind

__all__ = [
    "UNWRITTEN",
    "Answer",
    "DoesNotExist",
    "Mismatch",
    "Parameter",
    "ParameterKind",
    "Signature",
    "SignatureReader",
    "Unknown",
]
