"""Runs test programs two at a time, each with a watchdog, and shows what they said when they end.

A test that hangs is named by its own watchdog (tests/conftest.py, native/tests/support.cpp); the
one here is for what hangs outside of the tests. What a suite said is kept in build/windows/logs.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import dev

from windows import environment
from windows.environment import HOME

LOGS = HOME / "logs"
WATCHDOG_SECONDS = 1200  # far above what a suite takes on a slow machine
LINES_OF_A_HANG = 60


@dataclass
class Suite:
    name: str
    command: Sequence[str | Path]
    folder: Path
    env: dict[str, str] = field(default_factory=dict)
    # What of its lines is worth showing when all is well; when not, all of them are shown.
    worth_showing: Callable[[str], bool] = lambda line: True


_speaking = threading.Lock()


def run_all(suites: Sequence[Suite]) -> dict[str, int]:
    """The exit code of each. On two processors two run at once."""
    LOGS.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        codes = list(pool.map(_run, suites))
    return {suite.name: code for suite, code in zip(suites, codes, strict=True)}


def _run(suite: Suite) -> int:
    log = LOGS / (suite.name.replace(" ", "-").replace("/", "-of-") + ".log")
    begun = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(word) for word in suite.command],
            cwd=suite.folder,
            env=suite.env or dev.environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(WATCHDOG_SECONDS)
        except subprocess.TimeoutExpired:
            code = -1
            # Windows programs are no children of what starts them: all of the prefix's end.
            environment.stop_server()
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    lines = log.read_text(errors="replace").splitlines()
    with _speaking:
        dev.say(f"{suite.name}: {time.monotonic() - begun:.0f} s, exit code {code}")
        if code == -1:
            print(f"It hung for {WATCHDOG_SECONDS} s; this is how far it came:")
            lines = lines[-LINES_OF_A_HANG:]
        elif code == 0:
            lines = [line for line in lines if suite.worth_showing(line)]
        print("\n".join(lines), flush=True)
    return code
