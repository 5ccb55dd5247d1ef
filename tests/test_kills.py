"""Two hundred processes, killed while the other end waits: it is told each time, and soon.

The victims are small C programs, of which many can be killed in little time. What each of Python's
calls makes of a death is in test_ends.py.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from lateness import Report
from programs import popen, program

import smipc
from smipc import CHAN_R, CHAN_W, Channel

KILLS = 50  # of each kind
CAPACITY = 4000


class Victim:
    """SIGKILL ends it; on Windows TerminateProcess."""

    def __init__(self, name: bytes, what: str) -> None:
        self.process = popen(
            [program("tests", "kill_tool"), "victim", name.decode(), what],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def start_victim() -> Iterator[Callable[[bytes, str], Victim]]:
    victims: list[Victim] = []

    def start(name: bytes, what: str) -> Victim:
        victims.append(Victim(name, what))
        return victims[-1]

    yield start
    for victim in victims:
        victim.end()


def wait_for_its_end(channel: Channel) -> float:
    """When this end was told."""
    with pytest.raises(smipc.OppositeEndDiedError):
        while True:
            if channel.mode == CHAN_R:
                channel.recv()
            else:
                channel.send(bytes(1000))
    return time.perf_counter()


@pytest.mark.parametrize("what", ["hold-writer", "hold-reader", "recv", "send"])
def test_each_of_fifty_kills_is_told_within_100_ms(
    make_name: Callable[[], bytes],
    start_victim: Callable[[bytes, str], Victim],
    report: Report,
    what: str,
) -> None:
    mode = CHAN_R if what in ("hold-writer", "send") else CHAN_W
    waits = "reader_waits" if mode == CHAN_R else "writer_waits"
    kills: list[tuple[float, float]] = []
    for _ in range(KILLS):
        name = make_name()
        with smipc.open_channel(name, mode, CAPACITY, framing="message") as survivor:
            victim = start_victim(name, what)
            killed_at: list[float] = []

            def kill(
                victim: Victim = victim,
                survivor: Channel = survivor,
                killed_at: list[float] = killed_at,
            ) -> None:
                # A victim that receives takes what is sent, so its survivor never waits.
                while what != "recv" and getattr(survivor.status(), waits) == 0:
                    time.sleep(0)
                killed_at.append(time.perf_counter())
                victim.process.kill()

            killer = threading.Thread(target=kill)
            killer.start()
            told = wait_for_its_end(survivor)
            killer.join()
            kills.append((killed_at[0], told))
            victim.process.communicate()
    report(kills)
