"""Stops a process as a debugger would, and lets it go on: SIGSTOP, or what Windows has for that."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any


def stop(process: subprocess.Popen[Any]) -> None:
    if sys.platform == "win32":
        _tell_kernel("NtSuspendProcess", process)
    else:
        os.kill(process.pid, signal.SIGSTOP)


def go_on(process: subprocess.Popen[Any]) -> None:
    if sys.platform == "win32":
        _tell_kernel("NtResumeProcess", process)
    else:
        os.kill(process.pid, signal.SIGCONT)


def _tell_kernel(call: str, process: Any) -> None:
    import ctypes

    status = getattr(ctypes.WinDLL("ntdll"), call)(ctypes.c_void_p(int(process._handle)))  # type: ignore[attr-defined]
    assert status == 0, f"{call}: {status & 0xFFFFFFFF:#x}"
