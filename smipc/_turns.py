"""Whose turn it is on an event loop: how smipc.aio is fast without keeping the loop from others.

Receiving what is there, and spinning for what comes soon, never suspend a task, so a task that
always finds something would never let the loop go on. It gets so many calls on credit; then the
clock is asked, and when the loop has not had a turn for a while it gets one. Nobody spins while the
loop has something else to run.
"""

from __future__ import annotations

import asyncio
from itertools import repeat
from time import monotonic_ns
from weakref import WeakKeyDictionary

from smipc._timing import POLL, SOON

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sized

# Native calls until the clock is asked: one that spins takes 50 us at most.
_CREDIT = 16
# So long may tasks go on without a turn of the loop.
_LONGEST_NS = 1_000_000


class Turns:
    """Of one event loop, for all of its channels."""

    __slots__ = ("__weakref__", "credit", "others", "since")

    credit: Iterable[None]  # each step of it is a call that may be made without asking
    others: Sized  # what the loop will run as soon as it can
    since: int  # when the loop last had its turn, as far as is known

    def __init__(self, others: Sized) -> None:
        self.credit = ()
        self.others = others
        self.had_one()

    def had_one(self) -> None:
        """The loop has just had its turn."""
        self.since = monotonic_ns()

    async def take(self) -> int:
        """Before a call that does not wait, with nothing in hand. Gives the loop its turn when it is
        due. Returns the deadline for the call: SOON, or POLL while others want to run."""
        if monotonic_ns() - self.since >= _LONGEST_NS:
            await asyncio.sleep(0)
            self.had_one()
        self.credit = repeat(None, _CREDIT)
        return POLL if self.others else SOON


_of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, Turns] = WeakKeyDictionary()


def turns_of(loop: asyncio.AbstractEventLoop) -> Turns:
    turns = _of_loops.get(loop)
    if turns is None:
        # asyncio's own loops have it under this name. Of others only the clock is known.
        turns = _of_loops[loop] = Turns(getattr(loop, "_ready", ()))
    return turns


# Before the first call on a loop: no credit, so that it is looked for.
NO_TURNS = Turns(())
