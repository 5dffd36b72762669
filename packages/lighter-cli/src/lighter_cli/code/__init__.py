"""The code that a run used: kept in its record, compared with the code now, and written again."""

CODE_FILE = "code.json"
"""Says which files and packages a run used; in the folder of its record."""

PATCH_FILE = "code.patch"
"""Makes them from the files of the commit, or from nothing where there is no commit; beside ``CODE_FILE``."""
