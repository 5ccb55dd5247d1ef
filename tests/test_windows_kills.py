"""Windows processes that are killed from outside of Windows: by SIGKILL, under Wine.

No code of theirs, nor of Windows', has a say in it. test_kills.py does the same by
TerminateProcess.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator

import pytest
import wine
from lateness import Report
from programs import WATCHDOG_SECONDS

pytestmark = wine.needs_wine

KILLS = 200
KINDS = ("hold-writer", "hold-reader", "recv", "send")


def hear(process: subprocess.Popen[str], expected: str) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == expected + "\n"


@pytest.fixture
def survivor(name: bytes) -> Iterator[subprocess.Popen[str]]:
    with wine.start_tool("kill_tool", "survivor", name.decode()) as process:
        yield process
        try:
            process.communicate(timeout=WATCHDOG_SECONDS)
        except subprocess.TimeoutExpired:  # it waits for a victim that never was
            process.kill()
            raise


def test_each_of_two_hundred_is_told_within_100_ms(
    name: bytes, survivor: subprocess.Popen[str], report: Report
) -> None:
    kills: list[tuple[float, float]] = []
    assert survivor.stdin is not None
    for number in range(KILLS):
        what = KINDS[number % len(KINDS)]
        survivor.stdin.write(f"{number} {what}\n")
        survivor.stdin.flush()
        hear(survivor, "open")
        with wine.start_tool("kill_tool", "victim", f"{name.decode()}-{number}", what) as victim:
            hear(victim, "ready")
            killed = time.perf_counter()
            victim.kill()
            hear(survivor, "told")
            kills.append((killed, time.perf_counter()))
            assert victim.wait() == -9
    report(kills)
