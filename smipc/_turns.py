"""Whose turn it is on an event loop: how smipc.aio is fast without keeping the loop from others.

Receiving what is there, and spinning for what comes soon, never suspend a task, so a task that
always finds something would never let the loop go on. It gets so many calls on credit; then the
clock is asked, and when the loop has not had a turn for a while it gets one. Nobody spins while the
loop has something else to run.
"""

from __future__ import annotations

from asyncio import sleep
from itertools import repeat
from time import monotonic_ns
from weakref import WeakKeyDictionary, ref

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable, Sized

# Native calls until the clock is asked: one that spins takes 50 us at most.
_CREDIT = 32
# So long may tasks go on without a turn of the loop.
_LONGEST_NS = 1_000_000


class Turns:
    """Of one event loop, for all of its channels."""

    __slots__ = ("__weakref__", "credit", "loop", "others", "since")

    credit: Iterable[None]  # each step of it is a call that may be made without asking
    loop: ref[asyncio.AbstractEventLoop] | None
    others: Sized  # what the loop will run as soon as it can
    since: int  # when the loop last had its turn, as far as is known

    def __init__(self, loop: asyncio.AbstractEventLoop | None) -> None:
        self.credit = ()
        self.loop = None if loop is None else ref(loop)
        # asyncio's own loops have it under this name. Of others only the clock is known.
        self.others = getattr(loop, "_ready", ())
        self.since = monotonic_ns()

    def is_due(self) -> bool:
        """Whether the loop is to have its turn now; else there is new credit."""
        if monotonic_ns() - self.since >= _LONGEST_NS:
            return True
        self.credit = repeat(None, _CREDIT)
        return False

    async def give(self) -> None:
        """Lets the loop have its turn."""
        await sleep(0)
        self.had_one()

    def had_one(self) -> None:
        """The loop has just had its turn."""
        self.since = monotonic_ns()
        self.credit = repeat(None, _CREDIT)


# Before the first call on a loop: no credit, so that its own are looked for.
NO_TURNS = Turns(None)

_of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, Turns] = WeakKeyDictionary()


def turns_of(loop: asyncio.AbstractEventLoop, likely: Turns) -> Turns:
    if likely.loop is not None and likely.loop() is loop:
        return likely
    turns = _of_loops.get(loop)
    if turns is None:
        turns = _of_loops[loop] = Turns(loop)
    return turns
