"""C, C++ and Python programs for tests: where they are, and how to run two of them as a pair.

The compiled ones come from the folder that SMIPC_PROGRAMS names, as native/cmake builds it; what is
not there is compiled here, for this session. Without a compiler such a test is skipped, loudly.
"""

from __future__ import annotations

import functools
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path
from typing import Any

import pytest

from smipc import demo_build

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = {
    "c": ROOT / "examples" / "c",
    "cpp": ROOT / "examples" / "cpp",
    "tests": ROOT / "tests" / "native_programs",
}
PYTHON_EXAMPLES = ROOT / "examples" / "python"
WATCHDOG_SECONDS = 60  # only for what would otherwise hang


def unique_name(what: str) -> str:
    """A channel name that no other test uses, and no other run of this one."""
    run = os.environ.get("SMIPC_TEST_RUN", "test")  # what conftest.py looks for at the end
    return f"{run}-{what}-{uuid.uuid4().hex[:12]}"


def compiler_for(source: Path) -> list[str]:
    """The start of a command line that compiles C99 or C++20, or a skip."""
    if source.suffix == ".cpp":
        compiler = demo_build.find_compiler()
    else:
        override = shlex.split(os.environ.get("CC", ""))
        found = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
        compiler = override or ([found] if found else None)
    if compiler is None:
        message = f"NOT TESTED: no compiler for {source.name}"
        if os.environ.get("CI") and sys.platform != "win32":  # which has none here
            pytest.fail(message)
        pytest.skip(message)
    return compiler


@functools.cache
def _session_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="smipc-test-programs-")


@functools.cache
def program(group: str, name: str) -> str:
    """The path of a program of examples/c, examples/cpp or tests/native_programs."""
    suffix = ".exe" if sys.platform == "win32" else ""
    built = Path(os.environ.get("SMIPC_PROGRAMS", ""), group, name + suffix)
    if "SMIPC_PROGRAMS" in os.environ and built.exists():
        return str(built)
    (source,) = FOLDERS[group].glob(f"{name}.c*")
    output = Path(_session_folder().name, f"{group}-{name}{suffix}")
    command = demo_build.command(compiler_for(source), source, output)
    if source.suffix == ".c":
        command[command.index("-std=c++20")] = "-std=c99"
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stderr}"
    return str(output)


INTERNAL_ERROR = 1359  # of Wine, once in some thousand processes


def popen(command: list[str], **options: Any) -> subprocess.Popen[str]:
    """Starts a process, also where the system now and then fails to."""
    for _ in range(5):
        try:
            return subprocess.Popen(command, text=True, **options)
        except OSError as failure:
            if getattr(failure, "winerror", None) != INTERNAL_ERROR:
                raise
    return subprocess.Popen(command, text=True, **options)


class Process:
    """A child that is killed when a test is over, or after the watchdog's time."""

    def __init__(self, command: list[str], **options: object) -> None:
        self.command = command
        self.popen = popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)

    def finish(self) -> str:
        """What it printed, after it has ended well."""
        try:
            out, err = self.popen.communicate(timeout=WATCHDOG_SECONDS)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            out, err = self.popen.communicate()
            pytest.fail(f"{self.command} hangs\n{out}\n{err}")
        assert self.popen.returncode == 0, f"{self.command} {self.popen.returncode}\n{out}\n{err}"
        return out

    def kill(self) -> None:
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.communicate()


def run_pair(first: list[str], second: list[str]) -> tuple[str, str]:
    """Starts both, in this order, and returns what they printed."""
    processes = [Process(first)]
    try:
        processes.append(Process(second))
        # In the order of the failures: the one that ended is more telling than the one that waits.
        outputs = [process.finish() for process in processes]
    finally:
        for process in processes:
            process.kill()
    return outputs[0], outputs[1]
