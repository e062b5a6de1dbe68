"""``python -m crossmargin.cli``: the same as the console script ``crossmargin``."""

import sys

from crossmargin.cli.command import main

if __name__ == "__main__":
    sys.exit(main())
