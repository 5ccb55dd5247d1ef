"""What the tests of the command `smipc` share: how it looks on a terminal, and what it imports."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Sequence

from programs import WATCHDOG_SECONDS


def shown_on_a_terminal(command: Sequence[str]) -> bytes:
    """What a command that succeeds writes to a terminal. POSIX only."""
    ours, theirs = os.openpty()
    with subprocess.Popen(command, stdout=theirs, env=dict(os.environ, TERM="xterm")) as process:
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 65536):
                shown += part
        except OSError:  # how Linux says that nobody has the terminal open any more
            pass
        assert process.wait(WATCHDOG_SECONDS) == 0
    os.close(ours)
    return shown


def modules_of_the_bare_command() -> set[str]:
    """The modules that are there after a command that does nothing."""
    script = (
        "import sys\nfrom smipc.cli import main\nmain(['--version'])\nprint(set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    modules: set[str] = ast.literal_eval(done.stdout.splitlines()[-1])
    return modules
