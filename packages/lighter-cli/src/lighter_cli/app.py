"""The commands of ``lighter``, one line each; a command is imported only when it is used."""

from cyclopts import App

app = App(
    name="lighter",
    help="Run deep-learning experiments from YAML on PyTorch Lightning.",
    version=lambda: _installed_version(),
    version_flags=["--version"],
    print_error=False,  # reporting_errors does, as it reports every other mistake
    exit_on_error=False,
    help_format="plaintext",  # a Markdown parser costs a fifth of the time of `--help`
)
app.command("lighter_cli.commands.stages:fit", name="fit", help="Train, validating along the way.")
app.command("lighter_cli.commands.stages:validate", name="validate", help="Evaluate on the validation data.")
app.command("lighter_cli.commands.stages:test", name="test", help="Evaluate on the test data.")
app.command("lighter_cli.commands.stages:predict", name="predict", help="Predict, for writers to store.")
app.command("lighter_cli.commands.sweep:sweep", name="sweep", help="Run many trials that differ in some values.")
app.command("lighter_cli.commands.sweeps:sweeps", name="sweeps", help="List, show, export and stop sweeps.")
app.command("lighter_cli.commands.check:check", name="check", help="Find every mistake before anything runs.")
app.command("lighter_cli.commands.preflight:preflight", name="preflight", help="Rehearse every stage in seconds.")
app.command("lighter_cli.commands.show:show", name="show", help="Print the merged config.")
app.command("lighter_cli.commands.explain:explain", name="explain", help="Show which places set a value.")
app.command("lighter_cli.commands.diff:diff", name="diff", help="Show what differs between two experiments.")
app.command("lighter_cli.commands.describe:describe", name="describe", help="Show what a target takes.")
app.command("lighter_cli.commands.lsp:lsp", name="lsp", help="Serve an editor: mistakes, completion, hover.")
app.command("lighter_cli.commands.schema:schema", name="schema", help="Print a JSON Schema, for editors of YAML.")
app.command("lighter_cli.commands.eject:eject", name="eject", help="Write the script that does the same.")
app.command("lighter_cli.commands.export:export", name="export", help="Write the trained network of a run.")
app.command("lighter_cli.commands.pack:pack", name="pack", help="Put a run into one file for somebody else.")
app.command("lighter_cli.commands.init:init", name="init", help="Make a folder with an experiment that runs.")
app.command("lighter_cli.commands.runs:runs", name="runs", help="List, show and compare earlier runs.")
app.command("lighter_cli.commands.report:report", name="report", help="Write a page that shows runs or a sweep.")
app.command("lighter_cli.commands.migrate:migrate", name="migrate", help="Rewrite configs of other tools and versions.")
app.command(
    "lighter_cli.commands.install_completion:install_completion",
    name="--install-completion",
    help="Complete words with the tab key, in bash, zsh or fish.",
)


def _installed_version() -> str:
    from importlib.metadata import version  # few commands need it

    return version("lighter-cli")
