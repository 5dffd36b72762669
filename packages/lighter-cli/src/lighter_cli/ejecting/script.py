"""Write the script around the code of the stages."""

import shlex
import sys
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from lighter_cli.ejecting.stage_code import StageCode, code_of, same_objects
from lighter_config import Config, Secrets, Stage
from lighter_config.dumping import names_of
from lighter_config.project import Project, locate_project
from lighter_config.pyproject import search_path
from lighter_config.sections import TRAINER_CLASS

_OWN_NAMES = ("build", "main", "parser", "options", "ckpt_path", "project", "stage", *Stage)

_PROJECT = """
# The folder of your code, importable as `project`.
project = ModuleType("project")
project.__path__ = [str(Path({folder!r}).absolute())]
sys.modules["project"] = project
"""
_WORKING_DIRECTORY = """
sys.path.append(str(Path.cwd()))  # for your modules there
"""


def write_script(config: Config, stages: Sequence[Stage], words: Sequence[str]) -> str:
    """Write a script that runs the stages of a config with PyTorch Lightning, without Lighter's commands.

    Args:
        config: The whole config.
        stages: The stages that the script can run.
        words: The inputs of the config, as they were given.

    Raises:
        ConfigError: A part is decided only when it is built.
    """
    project = locate_project(config)
    names = names_of(config, _OWN_NAMES, project.folder if project is not None else None)
    argparse = names.imported("argparse")
    target = str(config.expanded().get("trainer::_target_", TRAINER_CLASS))
    lightning = "lightning.pytorch" if target.startswith("lightning.") else TRAINER_CLASS.rpartition(".")[0]
    seed_everything = names.imported(f"{lightning}.seed_everything")
    codes = [code_of(config, stage, names) for stage in stages]
    body = "\n\n".join(_functions(codes, seed_everything))
    main = _main(stages, argparse)
    command = Secrets(config).hidden_in(shlex.join(["lighter", stages[0], *words]))
    return f"{_docstring(stages, command)}\n{_imports(names.imports, project)}\n\n{body}\n\n{main}"


def _docstring(stages: Sequence[Stage], command: str) -> str:
    command = command.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    others = f"The first argument is the stage: {', '.join(stages)}.\n" if len(stages) > 1 else ""
    return (
        f'"""What `{command}` does, with PyTorch Lightning alone.\n\n'
        f'{others}Run it in the folder in which that command is run.\n"""\n'
    )


def _imports(lines: Sequence[str], project: Project | None) -> str:
    """Write the imports: those of the user's modules follow what makes them importable."""
    own = [line for line in lines if _is_own(line)]
    of_project = [line for line in own if _top(line) == "project"]
    setup = ""
    needed = ["import sys", "from pathlib import Path"] if own else []
    if of_project and project is not None:
        needed.append("from types import ModuleType")
        setup += _PROJECT.format(folder=_shown(project.folder))
    modules = [line for line in own if line not in of_project]
    if modules:
        setup += _WORKING_DIRECTORY
    for folder in search_path(Path.cwd()):
        if any(_is_in(folder, line) for line in modules):
            setup += f"sys.path.append(str(Path({_shown(folder)!r}).absolute()))\n"
    others = {*(line for line in lines if line not in own), *needed}
    groups = [
        [line for line in others if _top(line) in sys.stdlib_module_names],
        [line for line in others if _top(line) not in sys.stdlib_module_names],
    ]
    text = "\n".join("".join(f"{line}\n" for line in _sorted(group)) for group in groups if group)
    tail = "".join(f"{line}  # noqa: E402\n".replace("(\n", "(  # noqa: E402\n", 1) for line in _sorted(own))
    return f"{text}{setup}" + (f"\n{tail}" if tail else "")


def _sorted(lines: Collection[str]) -> list[str]:
    return sorted(lines, key=lambda line: (line.startswith("from "), line.lower()))


def _top(line: str) -> str:
    return line.split()[1].partition(".")[0]


def _is_own(line: str) -> bool:
    folders = (Path.cwd(), *search_path(Path.cwd()))
    return _top(line) == "project" or any(_is_in(folder, line) for folder in folders)


def _is_in(folder: Path, line: str) -> bool:
    top = _top(line)
    return (folder / f"{top}.py").is_file() or (folder / top / "__init__.py").is_file()


def _shown(folder: Path) -> str:
    return str(folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder)


def _functions(codes: Sequence[StageCode], seed_everything: str) -> Iterator[str]:
    is_shared = len(codes) > 1 and same_objects(codes)
    if is_shared:
        statements = "\n".join(codes[0].code.statements)
        objects = ", ".join(codes[0].objects)
        yield (
            f'def build():\n    """Build the objects, in the order in which Lighter builds them."""\n'
            f"{statements}\n    return {objects}\n"
        )
    for one in codes:
        built = f"    {', '.join(one.objects)} = build()" if is_shared else "\n".join(one.code.statements)
        checkpoint = f"ckpt_path or {one.checkpoint}" if one.checkpoint else "ckpt_path"
        trainer, model, *data = one.objects
        keywords = [f"datamodule={data[0]}"] if data else []
        keywords += [f"ckpt_path={checkpoint}", *(f"{name}={value}" for name, value in one.arguments.items())]
        yield (
            f"def {one.stage}(ckpt_path=None):\n"
            f"    {seed_everything}({one.seed}, workers=True)\n"
            f"{built}\n"
            f"    {trainer}.{one.stage}({model}, {', '.join(keywords)})\n"
            f"    return {trainer}\n"
        )


def _main(stages: Sequence[Stage], argparse: str) -> str:
    choice = ""
    call = f"{stages[0]}(options.ckpt_path)"
    if len(stages) > 1:
        functions = ", ".join(f'"{stage}": {stage}' for stage in stages)
        choice = (
            f"    stages = {{{functions}}}\n"
            f'    parser.add_argument("stage", nargs="?", default="{stages[0]}", choices=stages)\n'
        )
        call = "stages[options.stage](options.ckpt_path)"
    return (
        "def main():\n"
        f"    parser = {argparse}.ArgumentParser(description=__doc__)\n"
        f"{choice}"
        '    parser.add_argument("--ckpt-path", help="the checkpoint to start from")\n'
        "    options = parser.parse_args()\n"
        f"    {call}\n\n\n"
        'if __name__ == "__main__":\n'
        "    main()\n"
    )
