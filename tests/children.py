"""Child processes for tests: a piece of Python that talks with the test over standard streams."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

_OPENING = """
import os, signal, sys, threading, time
import smipc
from smipc import *

def say(*words):
    print(*words, flush=True)

def hear():
    line = sys.stdin.readline()
    if not line:
        raise SystemExit("the test has gone")
    return line.strip()

def say_when_waiting(*words):
    # As soon as the main thread is seen inside smipc again and again: in a call that waits.
    def watch():
        inside = 0
        while inside < 20:
            frame = sys._current_frames()[threading.main_thread().ident]
            where = frame.f_code.co_filename
            inside = inside + 1 if where.startswith(os.path.dirname(smipc.__file__)) else 0
            time.sleep(0.001)
        say(*words)
    threading.Thread(target=watch, daemon=True).start()

arguments = [os.fsencode(argument) for argument in sys.argv[1:]]
"""


class Child:
    """Runs `code`, to which `say`, `hear`, `say_when_waiting`, `arguments` (as bytes) and all of
    smipc are known."""

    def __init__(self, code: str, *arguments: object) -> None:
        words = [os.fsdecode(a) if isinstance(a, bytes) else str(a) for a in arguments]
        self.process = subprocess.Popen(
            [sys.executable, "-c", _OPENING + textwrap.dedent(code), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def pid(self) -> int:
        return self.process.pid

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def hear(self) -> str:
        """The next line that the child says."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"the child has ended: {self.process.communicate()[1]}")
        return line.strip()

    def expect(self, line: str) -> None:
        heard = self.hear()
        if heard != line:
            self.process.kill()
            raise AssertionError(f"{heard!r}, not {line!r}: {self.process.communicate()[1]}")

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def finish(self) -> str:
        """Waits for it to end well; returns the rest of what it says."""
        out, err = self.process.communicate()
        assert self.process.returncode == 0, f"exit code {self.process.returncode}: {out}{err}"
        return out

    def end(self) -> None:
        """Kills it if it is still there."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
