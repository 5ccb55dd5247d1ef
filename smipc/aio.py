"""Channels and message queues for asyncio: their messages, awaited.

    async with smipc.aio.open_channel("camera", CHAN_R, framing="message") as channel:
        async for message in channel:
            ...

Waiting never blocks the event loop, and cancelling loses nothing: a message is received in one step
without an await, or not at all. Every event loop will do, the Proactor loop of Windows included.
"""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import suppress

from smipc._aio_queue import MessageQueue
from smipc._buffers import readable
from smipc._readiness import Readiness
from smipc._timing import POLL, deadline_after, has_passed, timed_out
from smipc.channel import Channel as _Channel
from smipc.channel import open_channel as _open_channel
from smipc.errors import (
    InvalidTypeError,
    OppositeEndClosedError,
    OppositeEndDiedError,
    TimedOutError,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any, TypeVar

    from typing_extensions import Buffer, Self

    T = TypeVar("T")

__all__ = ["Channel", "MessageQueue", "open_channel"]

# A channel is mostly full for microseconds: the loop goes round so often before a thread waits.
_QUICK_ROUNDS = 20


def open_channel(*args: Any, **kwargs: Any) -> Channel:
    """As smipc.open_channel, for use with `async with`."""
    return Channel(_open_channel(*args, **kwargs))


class Channel:
    """One end of a message channel for tasks of one event loop. Wraps a smipc.Channel, `channel`,
    which may be used beside it; messages are received from one stock by both.

    Any number of tasks may use one: each message goes to one of them.
    """

    def __init__(self, channel: _Channel) -> None:
        if not isinstance(channel, _Channel):
            raise InvalidTypeError(f"a smipc.Channel is needed, not {type(channel).__name__}")
        self.channel = channel
        self._readiness = Readiness(channel)
        self._queue: asyncio.Lock | None = None  # of tasks that wait for room
        self._loop: asyncio.AbstractEventLoop | None = None  # that it belongs to

    async def __aenter__(self) -> Self:
        self.channel.__enter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def open(self) -> Self:
        """Opens the end, as smipc.Channel.open does; returns at once."""
        self.channel.open()
        return self

    def close(self) -> None:
        """Closes the end. Tasks that wait in it get ClosedError."""
        self.channel.close()

    async def recv(self, timeout: float | None = None) -> bytes:
        """Receives the next message. Errors as for smipc.Channel.recv."""
        channel = self.channel
        for count, message in channel._it:
            channel._taken[0] = count
            return message
        return await self._when_readable(lambda: channel.recv(0), timeout)

    async def recv_many(self, limit: int = 255, timeout: float | None = None) -> list[bytes]:
        """Receives what is there, 1 to `limit` messages, waiting for the first one only."""
        return await self._when_readable(lambda: self.channel.recv_many(limit, 0), timeout)

    async def recv_into(self, buffer: Buffer, timeout: float | None = None) -> int:
        """Receives the next message into a buffer; returns its size."""
        return await self._when_readable(lambda: self.channel.recv_into(buffer, 0), timeout)

    async def recv_array(self, timeout: float | None = None, *, out: Any = None) -> Any:
        """Receives an array, as smipc.Channel.recv_array does."""
        return await self._when_readable(lambda: self.channel.recv_array(0, out=out), timeout)

    async def recv_object(self, timeout: float | None = None) -> Any:
        """Receives an object, as smipc.Channel.recv_object does."""
        return await self._when_readable(lambda: self.channel.recv_object(0), timeout)

    async def readable(self, timeout: float | None = None) -> None:
        """Waits until the channel can be read without waiting: something is there, or the writer is
        gone. For streams, and for everything that smipc.Channel can do with timeout=0."""
        await self._until_readable(deadline_after(self.channel.cid, timeout))

    async def send(self, data: Buffer, timeout: float | None = None) -> None:
        """Sends one message. Cancelled, it has been sent whole or not at all.

        Errors as for smipc.Channel.send. Tasks that have to wait for room send in their order.
        """
        channel = self.channel
        await self._send((readable(channel.cid, data),), deadline_after(channel.cid, timeout))

    async def send_many(self, messages: Iterable[Buffer], timeout: float | None = None) -> None:
        """Sends messages in order. Cancelled, or with an error, the first ones may have gone; of an
        error, `transferred` says how many."""
        channel = self.channel
        deadline = deadline_after(channel.cid, timeout)
        rest = list(messages)
        sent = 0
        while rest:
            try:
                if not self._is_queued():
                    channel.send_many(rest, 0)
                    return
            except TimedOutError as problem:
                sent += problem.transferred
                del rest[: problem.transferred]
            try:
                await self._send((readable(channel.cid, rest[0]),), deadline)
            except (TimedOutError, OppositeEndClosedError) as problem:
                problem.transferred = sent
                raise
            sent += 1
            del rest[0]

    async def send_array(self, array: Any, timeout: float | None = None) -> None:
        """Sends a numpy array, as smipc.Channel.send_array does."""
        from smipc._arrays import array_parts

        deadline = deadline_after(self.channel.cid, timeout)
        await self._send(array_parts(self.channel, array), deadline)

    async def send_object(self, thing: object, timeout: float | None = None) -> None:
        """Sends an object, as smipc.Channel.send_object does."""
        from smipc._objects import object_parts

        deadline = deadline_after(self.channel.cid, timeout)
        await self._send(object_parts(thing), deadline)

    async def flush(self, timeout: float | None = None) -> None:
        """Waits until the reader has taken everything that was written."""
        deadline = deadline_after(self.channel.cid, timeout)
        try:
            self.channel.flush(0)
        except TimedOutError:
            if has_passed(deadline):
                raise
            await self._in_thread(lambda: self.channel._flush(deadline))

    def __aiter__(self) -> Self:
        """Iterates over the messages, until the writer has closed and everything is read."""
        return self

    async def __anext__(self) -> bytes:
        try:
            return await self.recv()
        except OppositeEndDiedError:
            raise
        except OppositeEndClosedError:
            raise StopAsyncIteration from None

    async def _when_readable(self, receive: Callable[[], T], timeout: float | None) -> T:
        """What `receive`, which does not wait, gives once there is something."""
        deadline = deadline_after(self.channel.cid, timeout)
        while True:
            try:
                return receive()
            except TimedOutError:
                pass
            await self._until_readable(deadline)

    async def _until_readable(self, deadline: int | None) -> None:
        seconds = None
        if deadline is not None:
            seconds = 0.0 if deadline == POLL else max(0.0, deadline / 1e9 - time.monotonic())
        if not await self._readiness.wait(seconds):
            raise timed_out(self.channel.cid, "no message has come")

    def _is_queued(self) -> bool:
        """Whether another task is waiting for room, and comes first."""
        return self._queue is not None and self._queue.locked()

    async def _send(self, parts: Sequence[bytes | memoryview], deadline: int | None) -> None:
        """Sends the parts as one message."""
        fits = sum(map(_bytes_in, parts)) <= self.channel._capacity
        if fits and not self._is_queued() and self._send_now(parts, deadline):
            return
        loop = asyncio.get_running_loop()
        if self._queue is None or self._loop is not loop:
            self._queue, self._loop = asyncio.Lock(), loop
        async with self._queue:
            for _ in range(_QUICK_ROUNDS if fits else 0):
                if self._send_now(parts, deadline):
                    return
                await asyncio.sleep(0)
            await self._in_thread(lambda: self.channel._send_all(parts, deadline))

    def _send_now(self, parts: Sequence[bytes | memoryview], deadline: int | None) -> bool:
        """Sends without waiting; False: there is no room."""
        try:
            self.channel._send_all(parts, POLL)
        except TimedOutError:
            if has_passed(deadline):
                raise
            return False
        return True

    async def _in_thread(self, call: Callable[[], None]) -> None:
        """Runs a call that waits, for room or for the reader, in a thread.

        Cancelled, the thread is told to leave, and is waited for.
        """
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[None] = loop.create_future()

        def settle(problem: BaseException | None) -> None:
            if problem is None:
                outcome.set_result(None)
            else:
                outcome.set_exception(problem)

        def work() -> None:
            problem: BaseException | None = None
            try:
                call()
            except BaseException as caught:
                problem = caught
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(settle, problem)

        thread = threading.Thread(target=work, name="smipc aio", daemon=True)
        thread.start()
        cancelled = None
        while not outcome.done():
            try:
                await asyncio.wait((outcome,))
            except asyncio.CancelledError as problem:
                cancelled = problem
                self.channel._quitting = thread.ident or 0
        self.channel._quitting = 0
        if cancelled is not None:
            outcome.exception()  # seen: of no interest now
            raise cancelled
        outcome.result()


def _bytes_in(part: bytes | memoryview) -> int:
    return len(part) if isinstance(part, bytes) else part.nbytes
