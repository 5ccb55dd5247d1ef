"""Tasks that go one after the other, in the order in which they came, and for so long only."""

from __future__ import annotations

import asyncio
from collections import deque


class Line:
    """Of the tasks of one event loop. A task that has entered leaves, whatever happens."""

    __slots__ = ("_waiters", "taken")

    def __init__(self) -> None:
        self.taken = False  # somebody has entered
        self._waiters: deque[asyncio.Future[bool]] = deque()

    async def enter(self, seconds: float | None) -> bool:
        """Waits for the turn; False: it has not come in time. Cancelled, it is as if it had not."""
        if not self.taken:
            self.taken = True
            return True
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[bool] = loop.create_future()
        self._waiters.append(waiter)
        timer = None if seconds is None else loop.call_later(seconds, _give, waiter, False)
        try:
            return await waiter
        except asyncio.CancelledError:
            if not waiter.cancelled() and waiter.result():  # its turn had just come
                self.leave()
            raise
        finally:
            if timer is not None:
                timer.cancel()

    def leave(self) -> None:
        while self._waiters:
            if _give(self._waiters.popleft(), True):
                return
        self.taken = False


def _give(waiter: asyncio.Future[bool], result: bool) -> bool:
    if waiter.done():
        return False
    waiter.set_result(result)
    return True
