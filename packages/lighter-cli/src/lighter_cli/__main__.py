"""``python -m lighter_cli``: the same as the ``lighter`` script."""

import sys
from pathlib import Path

from lighter_cli.app import main

if __name__ == "__main__":
    # `python -m` puts the working directory first, where a folder of an experiment could hide an installed package;
    # `main` appends it, as it does for the script
    if sys.path and sys.path[0] == str(Path.cwd()):
        del sys.path[0]
    main()
