"""What the measuring process of `smipc bench` does in each section, with the clock in its hand.

It looks at every message. Of round trips that is not timed; one way it is, as a receiver has to do
something with what it gets.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle
from time import perf_counter_ns

from smipc.bench_messages import END, check_list, check_whole, receive_block

_FEWEST_ROUND_TRIPS = 2
MOST_ROUND_TRIPS = 1_000_000  # so many are enough for every percentile, and take 8 MB


@dataclass(frozen=True)
class Passed:
    """Messages that have come one way."""

    received: int  # all
    timed: int  # those after the first that came
    nanoseconds: int  # from then on

    @property
    def per_second(self) -> float:
        return self.timed * 1e9 / max(1, self.nanoseconds)


def round_trips(
    send: Callable[[bytes], None], recv: Callable[[], bytes], block: list[bytes], nanoseconds: int
) -> array[int]:
    """The nanoseconds that each round trip took."""
    times = array("q")
    note = times.append
    until = perf_counter_ns() + nanoseconds
    for message in cycle(block):
        start = perf_counter_ns()
        send(message)
        answer = recv()
        end = perf_counter_ns()
        note(end - start)
        check_whole(answer, message)
        if (end >= until or len(times) >= MOST_ROUND_TRIPS) and len(times) >= _FEWEST_ROUND_TRIPS:
            break
    return times


def one_way(recv: Callable[[], bytes], block: list[bytes]) -> Passed:
    """Receives blocks, one message a call, until END."""
    received = untimed = start = 0
    for first in iter(recv, END):
        receive_block(recv, first, block)
        received += len(block)
        if not start:
            untimed, start = received, perf_counter_ns()
    return Passed(received, received - untimed, perf_counter_ns() - start)


def lists(recv_many: Callable[[int], list[bytes]], block: list[bytes]) -> Passed:
    """Receives lists of messages, as many as come, until END."""
    due = block * 2  # whatever is due is in one piece of it
    received = untimed = start = at = 0
    while True:
        messages = recv_many(len(block))
        is_last = messages[-1] == END
        if is_last:
            messages.pop()
        check_list(messages, due[at : at + len(messages)])
        received += len(messages)
        at = received % len(block)
        if is_last:
            return Passed(received, received - untimed, perf_counter_ns() - start)
        if not start:
            untimed, start = received, perf_counter_ns()
