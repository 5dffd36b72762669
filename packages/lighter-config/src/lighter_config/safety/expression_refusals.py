"""What an expression may do with ``--safe``: literals, arithmetic, attributes and calls on what it refers to."""

import ast
import builtins
import sys
from collections.abc import Callable, Iterator

from lighter_config.tree.expressions import Expression

BUILTINS = frozenset(
    "abs bool dict float int len list max min range round set sorted str sum tuple zip".split()  # noqa: SIM905
)
"""The builtins that such an expression may call."""

_ALLOWED = (
    *(ast.Expression, ast.Constant, ast.Name, ast.Attribute, ast.Call, ast.keyword, ast.Starred, ast.Subscript),
    *(ast.Slice, ast.List, ast.Tuple, ast.Dict, ast.Set, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp),
    *(ast.JoinedStr, ast.FormattedValue, ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.expr_context),
)
_ROADS_AWAY = frozenset(
    (  # noqa: SIM905
        # into an object's inside, and from a loader to modules
        "format format_map mro f_back f_builtins f_globals f_locals f_code multiprocessing_context reducer "
        "gi_frame gi_code cr_frame cr_code ag_frame ag_code tb_frame "
        # to memory that is not theirs: an object at an address, an array that others still use
        "const_data_ptr data_ptr new resize set_ setflags "
        # to what starts programs or evaluates text, should a module be reached
        "check_call check_output compile eval exec import_module popen Popen run_path set_executable system "
        # to what unpickles, or writes a file of the config's choosing
        "dump fit load load_checkpoint load_from_checkpoint load_module loads predict restore save save_checkpoint "
        "test to_onnx to_torchscript tofile validate write_bytes write_text "
        # to what deletes files, or maps one into memory
        "ctypes from_file hpc_save remove_checkpoint rename rm rmdir rmtree storage unlink untyped_storage "
        # methods of objects of listed classes that run text, start programs, or read and write files
        "add_audio add_embedding copy_into describe dump_stats experiment export_chrome_trace "
        "export_memory_timeline export_stacks finalize hardlink_to launch link_to log_hparams mkdir move move_into "
        "open output_of output_path "
        "read_bytes read_text run runcall runctx setup stop summary symlink_to teardown to_tensorrt "
        "to_yaml touch write on_exception on_predict_batch_end on_predict_start on_test_batch_end on_test_start "
        "on_train_batch_end on_train_end on_train_epoch_end on_validation_batch_end on_validation_end "
        "on_validation_start"
    ).split()
)
"""Attributes that lead from an object to what --safe is there to refuse.

A test walks the public attributes of every listed class, and of the objects that they hold, and finds the methods that
must be here.
"""

_MODULES = (sys.stdlib_module_names | {"torch", "numpy", "np", "pytorch_lightning", "pl"}) - {"copy", "statistics"}
"""Modules, which an expression never reaches through an attribute."""

_STATEMENTS = {
    ast.Lambda: "a lambda",
    ast.NamedExpr: "an assignment",
    ast.ListComp: "a comprehension",
    ast.SetComp: "a comprehension",
    ast.DictComp: "a comprehension",
    ast.GeneratorExp: "a generator",
    ast.Await: "await",
    ast.Yield: "yield",
    ast.YieldFrom: "yield",
}


def expression_refusals(
    expression: Expression, name_of: Callable[[str], str | None], why_not: Callable[[str], str]
) -> Iterator[str]:
    """Yield what an expression may not do, each as one sentence.

    Args:
        expression: The expression, read but not evaluated.
        name_of: Gives the module or object that a free name stands for; ``None`` when it stands for nothing.
        why_not: Says why a dotted target may not be named; empty when it may.
    """
    work: list[ast.AST] = [expression.tree]
    while work:
        node = work.pop()
        if isinstance(node, ast.Name | ast.Attribute) and (chain := _chain(node)) and chain[0] not in expression.names:
            yield from _refusals_of_name(chain, name_of, why_not)
            continue
        if not isinstance(node, _ALLOWED):
            yield f"--safe refuses {_STATEMENTS.get(type(node), type(node).__name__)} in an expression"
            continue
        if isinstance(node, ast.Attribute) and not is_harmless(node.attr):
            yield f"--safe refuses the attribute {node.attr!r} in an expression"
        work.extend(reversed(list(ast.iter_child_nodes(node))))


def _refusals_of_name(
    chain: tuple[str, ...], name_of: Callable[[str], str | None], why_not: Callable[[str], str]
) -> Iterator[str]:
    """Judge ``torch.nn.Linear``, a name from outside with its attributes, as the target that it stands for."""
    # a builtin stays what it is, also when an import has its name
    known = None if hasattr(builtins, chain[0]) else name_of(chain[0])
    if known is not None:
        target = ".".join((known, *chain[1:]))
        if reason := why_not(target):
            yield f"--safe refuses {target}, which {reason}"
    elif chain[0] not in BUILTINS:
        yield f"--safe refuses the name {chain[0]!r} in an expression"
    elif len(chain) > 1:
        yield f"--safe refuses the attribute {chain[1]!r} of {chain[0]!r} in an expression"


def is_harmless(attribute: str) -> bool:
    """Return whether an expression may use an attribute of an object."""
    return not attribute.startswith("_") and attribute not in _ROADS_AWAY and attribute not in _MODULES


def _chain(node: ast.AST) -> tuple[str, ...]:
    """Return ``("torch", "nn", "Linear")`` for ``torch.nn.Linear``; nothing when it begins with something else."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return (node.id, *reversed(names)) if isinstance(node, ast.Name) else ()
