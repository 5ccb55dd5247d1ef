"""Message queues for asyncio: see smipc.aio."""

from __future__ import annotations

import asyncio
import time

from smipc._readiness import TOO_LATE, WOKEN, Readiness
from smipc._timing import POLL, has_passed
from smipc._turns import NO_TURNS, turns_of
from smipc.errors import InvalidTypeError, kind_and_value
from smipc.message_queue import NamedMessageQueue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import Buffer, Self

# How long a task that waits for room sleeps, in seconds: at first it only goes round the loop.
_QUICK_ROUNDS = 20
_FIRST_PAUSE = 0.0005
_LONGEST_PAUSE = 0.02


class MessageQueue:
    """A NamedMessageQueue, `queue`, for tasks of one event loop. It may be used beside it.

        async with smipc.aio.MessageQueue(NamedMessageQueue("/jobs")) as jobs:
            message, priority = await jobs.receive()

    Any number of tasks may use one: each message goes to one of them. Cancelling loses nothing.
    """

    def __init__(self, queue: NamedMessageQueue) -> None:
        if not isinstance(queue, NamedMessageQueue):
            raise InvalidTypeError(
                f"a smipc.NamedMessageQueue is needed, not {kind_and_value(queue)}"
            )
        self.queue = queue
        self._readiness = Readiness(queue)
        self._turns = NO_TURNS

    async def __aenter__(self) -> Self:
        self.queue.__enter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the queue. Tasks that wait in it get ClosedError."""
        self.queue.close()

    async def receive(self, timeout: float | None = None) -> tuple[bytes, int] | None:
        """Receives the next message, and its priority; None when the timeout has passed."""
        return await self._receive(self.queue._call_deadline(timeout))

    async def _receive(self, deadline: int | None) -> tuple[bytes, int] | None:
        while True:
            await self._turn()
            message = self.queue.receive(0)
            if message is not None or deadline == POLL:
                return message
            seconds = None if deadline is None else max(0.0, deadline / 1e9 - time.monotonic())
            outcome = await self._readiness.wait(seconds)
            if outcome == TOO_LATE:
                return self.queue.receive(0)
            if outcome == WOKEN:
                self._turns.had_one()

    async def _turn(self) -> None:
        """Before each call: gives the loop its turn when that is due."""
        for _ in self._turns.credit:
            return
        turns = self._turns = turns_of(asyncio.get_running_loop(), self._turns)
        if turns.is_due():
            await turns.give()

    async def send(
        self, message: Buffer | str, timeout: float | None = None, priority: int = 0
    ) -> bool:
        """Sends one message; False when the timeout has passed. Cancelled, it has been sent whole
        or not at all. A task that waits for room looks again every 20 ms at least.
        """
        deadline = self.queue._call_deadline(timeout)
        rounds = 0
        pause = _FIRST_PAUSE
        await self._turn()
        while not self.queue.send(message, 0, priority):
            if has_passed(deadline):
                return False
            rounds += 1
            if rounds <= _QUICK_ROUNDS:
                await self._turns.give()
                continue
            left = pause if deadline is None else max(0.0, deadline / 1e9 - time.monotonic())
            await asyncio.sleep(min(pause, left))
            pause = min(pause * 2, _LONGEST_PAUSE)
        return True

    def __aiter__(self) -> Self:
        """Iterates over the messages with their priorities, for ever. `block` does not matter."""
        return self

    async def __anext__(self) -> tuple[bytes, int]:
        message = await self._receive(None)
        assert message is not None
        return message
