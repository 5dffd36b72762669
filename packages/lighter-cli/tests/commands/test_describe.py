"""``lighter describe``: what a target takes, without importing it."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lighter_config import load
from lighter_config.signatures.answers import short_names

Command = Callable[..., subprocess.CompletedProcess[str]]
Write = Callable[[str, str], Path]

NET = '''\
class Net:
    """A network.

    Args:
        depth: How many
            :class:`torch.nn.Conv2d` it has.
        widths (list of int, optional): Channels.
    """

    def __init__(self, depth: int, widths: tuple[int, ...] = (8, 16), *, name="a: b", factory=dict, **rest):
        """Make it.

        Parameters
        ----------
        name : str
            Of the network.
        """


def function(x, /, y=None):
    """Do it.

    :param x: The input.
    :param y: Not used.
    """


class Documented:
    def __init__(self, a): ...


_a = r"""a (int): A number"""

Documented.__doc__ = r"""Set afterwards.

    Args:
""" + rf"""
        {_a}
"""


class Odd:
    """Args:: Args:

    Args:
      : what
    """
'''


@pytest.fixture
def nets(write: Write) -> None:
    write("nets.py", NET)


def _described(in_process: Command, target: str) -> Any:
    done = in_process("describe", target, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_signature_documentation_and_yaml(in_process: Command, nets: None) -> None:
    done = in_process("describe", "nets.Net")
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        done.stdout.replace(f"{Path.cwd()}/", "")
        == """\
nets.Net
A network.

a class, nets.py:1

arguments
  depth: int   required
      How many torch.nn.Conv2d it has.
  widths: tuple[int, ...] = (8, 16)
      Channels.
  name = 'a: b'
      Of the network.
  factory = dict
  **rest

in a config
_target_: nets.Net
depth: ...  # int
# widths: [8, 16]
# name: 'a: b'
"""
    )


def test_the_yaml_loads_and_so_do_its_comments(in_process: Command, nets: None) -> None:
    yaml = _described(in_process, "nets.Net")["yaml"]
    Path("a.yaml").write_text(yaml)
    assert load("a.yaml").tree == {"_target_": "nets.Net", "depth": "..."}
    Path("a.yaml").write_text(yaml.replace("# ", ""))
    assert load("a.yaml").get("widths") == [8, 16]
    assert load("a.yaml").get("name") == "a: b"


def test_positional_arguments_stand_under_args(in_process: Command, nets: None) -> None:
    described = _described(in_process, "nets.function")
    assert described["yaml"] == "_target_: nets.function\n_args_:\n  - ...  # x\n# y: null"
    assert [one["documentation"] for one in described["arguments"]] == ["The input.", "Not used."]


def test_a_docstring_set_after_the_class_is_read(in_process: Command, nets: None) -> None:
    described = _described(in_process, "nets.Documented")
    assert described["summary"] == "Set afterwards."
    assert described["arguments"][0]["documentation"] == "A number"


def test_a_docstring_that_no_style_fits_is_no_error(in_process: Command, nets: None) -> None:
    assert _described(in_process, "nets.Odd")["arguments"] == []


def test_optimizers_are_found_by_name_with_documentation(in_process: Command) -> None:
    described = _described(in_process, "AdamW")
    assert described["target"] == "torch.optim.AdamW"
    assert described["defined_as"] == "torch.optim.adamw.AdamW"
    arguments = {one["name"]: one for one in described["arguments"]}
    assert arguments["params"]["required"]
    assert arguments["lr"]["default"] == "0.001"
    assert arguments["lr"]["documentation"].startswith("learning rate")
    assert arguments["foreach"]["documentation"].startswith("whether foreach implementation")
    assert described["yaml"].startswith(
        '_target_: torch.optim.AdamW\nparams: "$@system::model.parameters()"\n# lr: 0.001'
    )


def test_a_scheduler_gets_the_optimizer_of_the_system(in_process: Command) -> None:
    yaml = _described(in_process, "CosineAnnealingLR")["yaml"]
    assert yaml.startswith('_target_: torch.optim.lr_scheduler.CosineAnnealingLR\noptimizer: "@system::optimizer"\n')


NAMES = {
    "EarlyStopping": "pytorch_lightning.callbacks.EarlyStopping",
    "Trainer": "pytorch_lightning.Trainer",
    "Accuracy": "torchmetrics.Accuracy",
    "CsvWriter": "lighter.callbacks.CsvWriter",
    "Linear": "torch.nn.Linear",
    "DataLoader": "torch.utils.data.DataLoader",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_alone_is_found_at_its_public_path(in_process: Command, name: str) -> None:
    assert _described(in_process, name)["target"] == NAMES[name]


def test_several_of_one_name_are_all_named(in_process: Command) -> None:
    assert "torch.ao.nn.quantized.Linear" in _described(in_process, "Linear")["others"]


def test_documentation_in_the_body_of_a_class_is_read(in_process: Command) -> None:
    arguments = {one["name"]: one for one in _described(in_process, "torch.nn.Conv2d")["arguments"]}
    assert arguments["kernel_size"]["documentation"].startswith("Size of the convolving kernel")


def test_code_of_the_project_is_found_by_its_marker(in_process: Command, write: Write) -> None:
    write("__lighter__.py", "")
    write("models.py", "class Net:\n    def __init__(self, depth=3): ...\n")
    assert _described(in_process, "project.models.Net")["arguments"][0]["default"] == "3"


def test_what_is_compiled_is_said_to_be_unknown(in_process: Command) -> None:
    done = in_process("describe", "torch.Size")
    assert done.returncode == 0
    assert "not known without importing it" in done.stdout
    assert "To import it: lighter describe torch.Size --deep\n" in done.stdout
    assert done.stdout.endswith("in a config\n_target_: torch.Size\n")


MADE = """
def make(name):
    class Made:
        'Made when the module is imported.'
        def __init__(self, depth: int, rate: float = 0.1): ...
    globals()[name] = Made
print("imported")
make("Net")
"""


def test_an_unknown_target_is_explained_with_its_place(in_process: Command, write: Write) -> None:
    write("odd.py", "import nowhere\n\ndef make(): ...\n\n@nowhere.mark\nclass Net: ...\nnet = {'a': make}['a']\n")
    assert "odd.py:5\nTo import it" in in_process("describe", "odd.Net").stdout
    assert "odd.py:7\nTo import it" in in_process("describe", "odd.net").stdout
    told = json.loads(in_process("describe", "odd.Net", "--json").stdout)
    assert told["reason"] == "what the decorator @nowhere.mark makes of odd.Net is not known"
    assert told["file"].endswith("odd.py")
    assert told["line"] == 5


def test_deep_imports_what_the_source_does_not_tell(in_process: Command, write: Write) -> None:
    write("made.py", MADE)
    assert "not known without importing it" in in_process("describe", "made.Net").stdout
    done = in_process("describe", "made.Net", "--deep")
    assert done.returncode == 0, done.stderr
    assert "Made when the module is imported." in done.stdout
    assert "  depth: int   required\n  rate: float = 0.1\n" in done.stdout
    assert done.stdout.endswith("in a config\n_target_: made.Net\ndepth: ...  # int\n# rate: 0.1\n")
    assert "imported" in done.stderr  # standard output is for the answer


def test_deep_names_no_file_of_a_compiled_function(in_process: Command) -> None:
    done = in_process("describe", "math.sqrt", "--deep")
    assert done.returncode == 0
    assert "\na function, without a source file\n" in done.stdout


def test_deep_says_why_a_target_cannot_be_imported(in_process: Command, write: Write) -> None:
    write("broken.py", "globals()['x'] = 1\nraise OSError('no disk')\n")
    done = in_process("describe", "broken.Net", "--deep")
    assert done.returncode == 1
    assert "broken.Net cannot be imported: OSError: no disk" in done.stderr


def test_deep_reads_what_the_source_tells_without_importing(in_process: Command, write: Write) -> None:
    write("loud.py", "print('imported')\nclass Net:\n    def __init__(self, depth=3): ...\n")
    done = in_process("describe", "loud.Net", "--deep")
    assert "depth = 3" in done.stdout
    assert "imported" not in done.stderr


MISTAKES = {
    "nets.py": """\
error: 'nets.py' is a file, not an import path
  expected           names with dots between: torch.optim.AdamW
""",
    "a b": """\
error: 'a b' is not an import path
  expected           names with dots between: torch.optim.AdamW
""",
    "project.models.Net": """\
error: project.models.Net does not exist: the folder of `project` is unknown
  to fix             put an empty __lighter__.py into the folder of your code, and run the command inside it
""",
    "AdmW": """\
error: 'AdmW' does not exist in lighter, torch, pytorch_lightning, torchmetrics
  nearest            AdamW, Adam, RAdam
  to fix             give the full import path for other packages: monai.networks.nets.UNet
""",
    "torch.optim.AdmW": """\
error: torch.optim.AdmW does not exist
  nearest            torch.optim.AdamW, torch.optim.Adam, torch.optim.RAdam
""",
    "nets.Nett": """\
error: nets.Nett does not exist
  nearest            nets.Net
""",
    "a_package_that_is_not_there.Net": """\
error: a_package_that_is_not_there.Net does not exist: no module named 'a_package_that_is_not_there'
  to fix             install the package that has it, or correct the name
""",
}


@pytest.mark.parametrize("target", MISTAKES)
def test_a_target_that_does_not_exist_is_an_error_with_the_nearest(
    in_process: Command, nets: None, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(short_names, "_FURTHER_PACKAGES", ())  # where they are installed, names of theirs are nearer
    done = in_process("describe", target)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", MISTAKES[target])


def test_tools_are_told_that_a_target_is_unknown_and_why(in_process: Command) -> None:
    said = json.loads(in_process("describe", "torch.Size", "--json").stdout)
    assert (said["target"], said["known"], said["yaml"]) == ("torch.Size", False, "_target_: torch.Size")
    assert said["reason"] == "its constructor is that of builtins.tuple, which is compiled"


def test_positional_and_unsettled_arguments_are_marked(in_process: Command, write: Write) -> None:
    write(
        "odd.py",
        """
        import functools

        def computed():
            return {"a": 1}

        def optional(x, y=0, /, *rest, z=computed(), w=(1, 2), c=1 + 2j): ...

        def made(function):
            @functools.wraps(function)
            def inner(*args, **kwargs):
                return function(*args, **kwargs)
            return inner

        @made
        def wrapped(a, b=1): ...
        """,
    )
    lines = in_process("describe", "odd.optional").stdout.splitlines()
    assert "  x   required, by position" in lines
    assert "  y = 0   by position" in lines
    assert "  - ...  # x" in lines
    assert "# w: [1, 2]" in lines
    assert not any(line.startswith(("# z", "# c")) for line in lines)
    assert in_process("describe", "odd.wrapped").returncode == 0


def test_missing_project_code_is_an_error_that_names_the_marker(in_process: Command) -> None:
    done = in_process("describe", "project.nets.Net")
    assert done.returncode == 1
    assert "project.nets.Net does not exist: the folder of `project` is unknown" in done.stderr
    assert "__lighter__.py" in done.stderr


def test_documentation_from_other_modules_is_read_as_far_as_written(in_process: Command, write: Write) -> None:
    write("parts/__init__.py", "")
    write("parts/words.py", 'LR = """lr (float): How fast"""\n')
    write(
        "parts/made.py",
        '''
        from os import sep
        from parts.words import LR
        from .words import LR as NEAR

        class Net:
            def __init__(self, lr, near): ...

        def computed():
            return "computed"

        Net.__doc__ = """A {} network{}.

            Args:
                """.format("small", sep) + LR + computed() + """
                near: """ + NEAR.strip() + sep
        ''',
    )
    lines = in_process("describe", "parts.made.Net").stdout.splitlines()
    assert "      How fast" in lines
    assert "      lr (float): How fast" in lines


@pytest.mark.parametrize("text", ["Args:\\n    x\\n  : y", ":param", "Parameters\\n-----", ":param a b c d: e", ""])
def test_any_docstring_is_shown_or_left_out(in_process: Command, write: Write, text: str) -> None:
    write("any.py", f'def function(x):\n    """{text}"""\n')
    done = in_process("describe", "any.function")
    assert (done.returncode, done.stderr) == (0, "")
    assert "  x   required" in done.stdout
