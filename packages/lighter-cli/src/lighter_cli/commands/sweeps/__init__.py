"""``lighter sweeps``: the sweeps that were begun in a folder. A command is imported only when it is used."""

from cyclopts import App

sweeps = App(name="sweeps", help="The sweeps that were begun here.", help_format="plaintext")
sweeps.command("lighter_cli.commands.sweeps.list:list_sweeps", name="list", help="List the sweeps of this folder.")
sweeps.command("lighter_cli.commands.sweeps.show:show", name="show", help="Print the trials of a sweep.")
sweeps.command("lighter_cli.commands.sweeps.export:export", name="export", help="Write the trials to a file.")
sweeps.command("lighter_cli.commands.sweeps.stop:stop", name="stop", help="Stop a sweep that runs.")
