"""Child processes for tests: a piece of Python that talks with the test over standard streams."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from typing import Any

from programs import popen

# How many take part where it matters that they are many. Windows, and more so Wine, takes its time
# over each process.
MANY_CHILDREN = 10 if sys.platform == "win32" else 50

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

# Ctrl-C on Windows comes from the console, to all of its processes: each child has one of its own,
# and presses Ctrl-C in it when the test sets an event.
_PRESSING_CTRL_C = """
def press_ctrl_c():
    import ctypes
    kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
    kernel32.OpenEventW.restype = ctypes.c_void_p
    event = ctypes.c_void_p(kernel32.OpenEventW(0x100000, False, EVENT))
    def press():
        while kernel32.WaitForSingleObject(event, 0xffffffff) == 0:
            if not kernel32.GenerateConsoleCtrlEvent(0, 0):
                raise ctypes.WinError(ctypes.get_last_error())
    threading.Thread(target=press, daemon=True).start()

press_ctrl_c()
"""


class _CtrlCKey:
    """Windows: an event that has a child press Ctrl-C."""

    def __init__(self) -> None:
        import ctypes
        import uuid

        self._kernel32: Any = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined]
        self._kernel32.CreateEventW.restype = ctypes.c_void_p
        self.name = f"Local\\ctrl-c-{uuid.uuid4().hex}"
        self._event = ctypes.c_void_p(self._kernel32.CreateEventW(None, False, False, self.name))

    def press(self) -> None:
        assert self._kernel32.SetEvent(self._event)

    def __del__(self) -> None:
        self._kernel32.CloseHandle(self._event)


class Child:
    """Runs `code`, to which `say`, `hear`, `say_when_waiting`, `arguments` (as bytes) and all of
    smipc are known."""

    def __init__(self, code: str, *arguments: object) -> None:
        words = [os.fsdecode(a) if isinstance(a, bytes) else str(a) for a in arguments]
        opening = _OPENING
        options: dict[str, Any] = {}
        if sys.platform == "win32":
            self._key = _CtrlCKey()
            opening += _PRESSING_CTRL_C.replace("EVENT", repr(self._key.name))
            options["creationflags"] = subprocess.CREATE_NO_WINDOW
        self.process = popen(
            [sys.executable, "-c", opening + textwrap.dedent(code), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **options,
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
        """Ctrl-C."""
        if sys.platform == "win32":
            self._key.press()
        else:
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
