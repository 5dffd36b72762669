"""``lighter runs``: the records of earlier runs. A command is imported only when it is used."""

from cyclopts import App

runs = App(name="runs", help="The records of earlier runs.", help_format="plaintext")
runs.command("lighter_cli.commands.runs.list:list_runs", name="list", help="List the runs of this folder.")
runs.command("lighter_cli.commands.runs.show:show", name="show", help="Print what is recorded about a run.")
runs.command("lighter_cli.commands.runs.diff:diff", name="diff", help="Print what differs between two runs.")
runs.command("lighter_cli.commands.runs.compare:compare", name="compare", help="Print runs side by side, with curves.")
runs.command("lighter_cli.commands.runs.plot:plot", name="plot", help="Draw the curves of a metric.")
runs.command("lighter_cli.commands.runs.restore:restore", name="restore", help="Write config and code as they were.")
runs.command("lighter_cli.commands.runs.labels:tag", name="tag", help="Add and remove tags of a run.")
runs.command("lighter_cli.commands.runs.labels:note", name="note", help="Write the note of a run.")
runs.command("lighter_cli.commands.runs.best:best", name="best", help="Print the best run.")
runs.command("lighter_cli.commands.runs.remove:remove", name="remove", help="Delete the runs that are named.")
runs.command("lighter_cli.commands.runs.prune:prune", name="prune", help="Delete the runs that options select.")
