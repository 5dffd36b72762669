"""``python -m lighter_cli``: the same as the ``lighter`` script."""

import os
import sys

if __name__ == "__main__":
    # `python -m` puts the working directory first; a file in it could run instead of a package that we import
    if sys.path and sys.path[0] == os.getcwd():  # noqa: PTH109 - pathlib itself imports more
        del sys.path[0]
    from lighter_cli.main import main

    main()
