"""python -m smipc: the command line."""

import sys

from smipc.cli import main

if __name__ == "__main__":
    sys.exit(main())
