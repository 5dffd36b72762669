"""The program ``lighter``: the road from its words to a command, which imports no more than the words ask for."""

import gc
import sys
from contextlib import nullcontext


def main() -> None:
    """Run the command that ``sys.argv`` asks for and exit: 0 done, 1 failed, 2 not a command, 130 interrupted."""
    words = sys.argv[1:]
    if words == ["--version"]:
        from importlib.metadata import version

        sys.stdout.write(f"{version('lighter-cli')}\n")
        return
    if asks_for_help := not words or words[-1] in ("--help", "-h"):
        from lighter_cli.terminal import kept_help

        if kept_help.print_kept(words):
            return
    if words[:1] == ["--complete"]:  # from the completion script of a shell, at each press of the tab key
        from lighter_cli.app import app
        from lighter_cli.completion.shells import answer

        answer(app, words[1:])
        return
    usual = gc.get_threshold()
    gc.set_threshold(300_000, 50, 50)  # modules and syntax trees live long: looking at each again and again takes time
    from lighter_cli.inspecting.words import command_of
    from lighter_cli.terminal import process, standard_input

    process.configure()
    with process.reporting_errors():
        if (command := command_of(words)) is not None:
            sys.exit(command())
        gc.set_threshold(*usual)
        from lighter_cli.app import app  # Cyclopts takes longer than a check

        with kept_help.keeping(words) if asks_for_help else nullcontext():
            app(standard_input.protect(words))
