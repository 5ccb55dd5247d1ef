"""How a command starts another Python process that runs a module of smipc."""

from __future__ import annotations

import sys
from pathlib import Path

import smipc


def python_command(module: str) -> list[str]:
    """The start of a command line that calls main(arguments) of smipc.MODULE.

    Not `-m`, which would put the current folder before the place that smipc comes from; nor is the
    current folder searched otherwise.
    """
    home = str(Path(smipc.__file__).resolve().parent.parent)
    script = (
        f"import sys; sys.path[:] = [*filter(None, sys.path), {home!r}]; "
        f"from smipc.{module} import main; sys.exit(main(sys.argv[1:]))"
    )
    return [sys.executable, "-c", script]
