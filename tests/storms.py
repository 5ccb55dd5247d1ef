"""A storm of signals that raise, which land anywhere in what a call does."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable
from typing import Any

PERIOD = 0.0002  # seconds


class Interrupted(Exception):
    pass


def collect_in_a_storm(call: Callable[[], Iterable[Any]], count: int) -> tuple[list[Any], int]:
    """What `call` gives, again and again until there are `count`, and how often it was interrupted.

    `call` returns an iterator that makes the call under test: one step of C takes what comes to the
    list, as Python 3.10 would look for signals on the way.
    """
    received: list[Any] = []
    interrupts = 0
    armed = False

    def handler(*_: object) -> None:
        nonlocal armed
        if armed:
            armed = False
            raise Interrupted

    previous = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, PERIOD, PERIOD)
        while len(received) < count:
            try:
                armed = True
                received.extend(call())
                armed = False
            except Interrupted:
                interrupts += 1
    finally:
        armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    return received, interrupts
