"""Windows programs started from Linux: for tests of the two systems with each other.

`python3 tools/dev.py windows` says by the environment where they are; elsewhere such tests are
skipped.
"""

from __future__ import annotations

import os
import subprocess
import textwrap
from pathlib import Path

import pytest

needs_wine = pytest.mark.skipif(
    "SMIPC_WINDOWS_PROGRAMS" not in os.environ,
    reason="`python3 tools/dev.py windows` runs it",
)


def start(program: str | Path, *words: str) -> subprocess.Popen[str]:
    """The process of the Windows program itself, as Linux sees it."""
    return subprocess.Popen(
        ["wine", str(program), *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def start_tool(name: str, *words: str) -> subprocess.Popen[str]:
    return start(Path(os.environ["SMIPC_WINDOWS_PROGRAMS"], "tests", name + ".exe"), *words)


def run_python(code: str, *words: str) -> str:
    """What a piece of Python prints there, in which smipc is imported."""
    code = "import os, sys, smipc\nfrom smipc import *\n" + textwrap.dedent(code)
    # Its standard streams have to be pipes.
    done = subprocess.run(
        ["wine", os.environ["SMIPC_WINDOWS_PYTHON_PROGRAM"], "-X", "utf8", "-c", code, *words],
        stdin=subprocess.PIPE,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def unix_path(path: str) -> Path:
    """Of a path on a drive of Wine's prefix."""
    drive, _, rest = path.partition(":")
    folder = Path(os.environ["WINEPREFIX"], "dosdevices", drive.lower() + ":")
    return folder / rest.replace("\\", "/").lstrip("/")
