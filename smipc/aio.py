"""Channels and message queues for asyncio: their messages, awaited.

    async with smipc.aio.open_channel("camera", CHAN_R, framing="message") as channel:
        async for message in channel:
            ...

Waiting never blocks the event loop, and cancelling loses nothing: a message is received in one step
without an await, or not at all. Every event loop will do, the Proactor loop of Windows included.

A call first looks, spins a little if the loop has nothing else to run, and goes to the loop only
then. A task that never has to wait gives the loop its turn about every millisecond (see _turns.py).
"""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import suppress
from functools import partial

from smipc._aio_queue import MessageQueue
from smipc._buffers import one_by_one, readable
from smipc._end import FETCHING, NOTHING
from smipc._inbox import NOTHING_CAME, ONE_END
from smipc._line import Line
from smipc._objects import with_pickle
from smipc._readiness import TOO_LATE, WOKEN, Readiness
from smipc._timing import POLL, SOON, deadline_after, has_passed, is_timeout, timed_out
from smipc._turns import NO_TURNS, turns_of
from smipc._views import with_numpy
from smipc.channel import Channel as _Channel
from smipc.channel import open_channel as _open_channel
from smipc.errors import (
    InvalidTypeError,
    OppositeEndClosedError,
    OppositeEndDiedError,
    TimedOutError,
    kind_and_value,
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
# Another task may have come first so often.
_MISSES = 3


def open_channel(*args: Any, **kwargs: Any) -> Channel:
    """As smipc.open_channel, for use with `async with`."""
    return Channel(_open_channel(*args, **kwargs))


class Channel:
    """One end of a channel for tasks of one event loop. Wraps a smipc.Channel, `channel`, which may
    be used beside it; messages are received from one stock by both.

    Any number of tasks may use one: each message goes to one of them.
    """

    def __init__(self, channel: _Channel) -> None:
        if not isinstance(channel, _Channel):
            raise InvalidTypeError(f"a smipc.Channel is needed, not {kind_and_value(channel)}")
        self.channel = channel
        self._readiness = Readiness(channel)
        self._turns = NO_TURNS
        self._line = Line()  # of tasks that wait for more than a first byte
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
        turns = self._turns
        for _ in turns.credit:
            # What _recv_soon does with the one message that comes soon, without its call.
            if timeout is None and not turns.others and channel._calls and channel._busy is None:
                channel._busy = FETCHING
                channel._batch = NOTHING
                for result in channel._soon:
                    channel._busy = result
                    if 0 <= result < ONE_END:
                        channel._busy = FETCHING
                        message = channel._area[:result]
                        channel._busy = None
                        return message  # type: ignore[no-any-return]
                    if result < 0:
                        channel._busy = None
                        break
                    if channel._read_list(result):
                        for count, message in channel._it:
                            channel._taken[0] = count
                            return message
                    break
            break
        deadline = deadline_after(channel.cid, timeout)
        misses = 0
        while True:
            soon = channel._recv_soon(await self._turn(deadline))
            if soon is not None:
                return soon
            misses = await self._after_miss(misses, deadline)

    async def recv_many(self, limit: int = 255, timeout: float | None = None) -> list[bytes]:
        """Receives what is there, 1 to `limit` messages, waiting for the first one only."""
        return await self._when_readable(partial(self.channel.recv_many, limit), timeout)

    async def recv_into(self, buffer: Buffer, timeout: float | None = None) -> int:
        """Receives the next message into a buffer; returns its size."""
        return await self._when_readable(partial(self.channel.recv_into, buffer), timeout)

    async def recv_array(self, timeout: float | None = None, *, out: Any = None) -> Any:
        """Receives an array, as smipc.Channel.recv_array does."""
        return await self._when_readable(partial(self.channel.recv_array, out=out), timeout)

    async def recv_object(self, timeout: float | None = None) -> Any:
        """Receives an object, as smipc.Channel.recv_object does."""
        return await self._when_readable(self.channel.recv_object, timeout)

    async def readable(self, timeout: float | None = None) -> None:
        """Waits until the channel can be read without waiting: something is there, or the writer is
        gone. For everything that smipc.Channel can do with timeout=0."""
        await self._until_readable(deadline_after(self.channel.cid, timeout))

    async def read(
        self, buffer: Buffer, n: int, blocking: bool = False, timeout: float | None = None
    ) -> int:
        """Reads from a stream, as smipc.Channel.read does. Cancelled, it has consumed nothing."""
        channel = self.channel
        if not blocking:
            await self._turn(POLL)
            return channel.read(buffer, n, timeout=timeout)
        read = partial(channel._read_all, channel._room_for(buffer, n))
        deadline = deadline_after(channel.cid, timeout)
        if self._is_queued() or not self._try(read, await self._turn(deadline), deadline):
            await self._until_readable(deadline)
            await self._insist(read, True, deadline)
        return n

    async def write(self, data: Buffer, timeout: float | None = None) -> None:
        """Writes to a stream, as smipc.Channel.write does. Cancelled, data up to the capacity has
        gone as a whole or not at all; of more, a first part may have gone."""
        channel = self.channel
        source = readable(channel.cid, data)
        fits = _bytes_in(source) <= channel._capacity
        deadline = deadline_after(channel.cid, timeout)
        await self._insist(partial(channel._write_all, source), fits, deadline)

    async def send(self, data: Buffer, timeout: float | None = None) -> None:
        """Sends one message. Cancelled, it has been sent whole or not at all.

        Errors as for smipc.Channel.send. Tasks that have to wait for room send in their order.
        """
        channel = self.channel
        if type(data) is bytes and (timeout is None or is_timeout(timeout)):
            for _ in self._turns.credit:
                break
            else:
                await self._turn(None)
            send = channel._send_now
            if not self._line.taken and not send(data):
                return
        await self._send((readable(channel.cid, data),), deadline_after(channel.cid, timeout))

    async def send_many(self, messages: Iterable[Buffer], timeout: float | None = None) -> None:
        """Sends messages in order. Cancelled, or with an error, the first ones may have gone; of an
        error, `transferred` says how many."""
        channel = self.channel
        deadline = deadline_after(channel.cid, timeout)
        rest = one_by_one(channel.cid, "messages", messages)
        sent = 0
        while rest:
            now = await self._turn(deadline)
            try:
                if not self._is_queued():
                    channel.send_many(rest, now)
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
        deadline = deadline_after(self.channel.cid, timeout)
        await self._send(with_numpy().array_parts(self.channel, array), deadline)

    async def send_object(self, thing: object, timeout: float | None = None) -> None:
        """Sends an object, as smipc.Channel.send_object does."""
        deadline = deadline_after(self.channel.cid, timeout)
        await self._send(with_pickle().object_parts(thing), deadline)

    async def flush(self, timeout: float | None = None) -> None:
        """Waits until the reader has taken everything that was written."""
        deadline = deadline_after(self.channel.cid, timeout)
        if not self._try(self.channel._flush, await self._turn(deadline), deadline):
            await self._in_thread(partial(self.channel._flush, deadline))

    def __aiter__(self) -> Self:
        """Iterates over the messages, until the writer has closed and everything is read."""
        return self

    async def __anext__(self) -> bytes:
        channel = self.channel
        for count, message in channel._it:
            channel._taken[0] = count
            return message
        try:
            return await self.recv()
        except OppositeEndDiedError:
            raise
        except OppositeEndClosedError:
            raise StopAsyncIteration from None

    async def _turn(self, deadline: int | None) -> int:
        """Before each call that does not wait: gives the loop its turn when that is due. Returns
        the deadline for it, POLL or SOON, when there is time until `deadline`."""
        turns = self._turns = turns_of(asyncio.get_running_loop(), self._turns)
        if turns.is_due():
            await turns.give()
        return POLL if turns.others or deadline == POLL else SOON

    async def _when_readable(self, receive: Callable[..., T], timeout: float | None) -> T:
        """What receive(timeout=...), which is not told to wait, gives once there is something."""
        deadline = deadline_after(self.channel.cid, timeout)
        misses = 0
        while True:
            now = await self._turn(deadline)
            try:
                return receive(timeout=now)
            except TimedOutError:
                if deadline == POLL:
                    raise
            misses = await self._after_miss(misses, deadline)

    async def _after_miss(self, misses: int, deadline: int | None) -> int:
        """When no message was there: waits until it is worth looking again. `misses` is what the
        last call returned, at first 0: how often in a row it looked as if there were one."""
        if deadline == POLL:
            raise timed_out(self.channel.cid, NOTHING_CAME)
        if misses < _MISSES:
            return 0 if await self._until_readable(deadline) else misses + 1
        # There are pieces of a message larger than the channel, and its writer does not go on.
        await self._in_thread(partial(self.channel._fill, deadline))
        return 0

    async def _until_readable(self, deadline: int | None) -> bool:
        """False: it was readable all the time."""
        outcome = await self._readiness.wait(_seconds_until(deadline))
        if outcome == TOO_LATE:
            raise timed_out(self.channel.cid, NOTHING_CAME)
        if outcome == WOKEN:
            self._turns.had_one()
        return outcome == WOKEN

    def _is_queued(self) -> bool:
        """Whether another task is waiting, and comes first."""
        return self._line.taken

    async def _send(self, parts: Sequence[bytes | memoryview], deadline: int | None) -> None:
        """Sends the parts as one message."""
        fits = sum(map(_bytes_in, parts)) <= self.channel._capacity
        await self._insist(partial(self.channel._send_all, parts), fits, deadline)

    async def _insist(
        self, call: Callable[[int | None], object], quick: bool, deadline: int | None
    ) -> None:
        """Makes call(deadline) without blocking the loop. `quick`: it may be made with an earlier
        deadline first, any number of times. Tasks that have to wait do it in their order."""
        if quick and not self._is_queued():
            now = await self._turn(deadline)
            if not self._is_queued() and self._try(call, now, deadline):
                return
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._line, self._loop = Line(), loop
        line = self._line
        if not await line.enter(_seconds_until(deadline)):
            raise timed_out(self.channel.cid, "another task is waiting before this one")
        try:
            for _ in range(_QUICK_ROUNDS if quick else 0):
                if self._try(call, await self._turn(deadline), deadline):
                    return
                await self._turns.give()
            await self._in_thread(partial(call, deadline))
        finally:
            line.leave()

    def _try(
        self, call: Callable[[int | None], object], now: int | None, deadline: int | None
    ) -> bool:
        """Makes call(now); False: that was too early."""
        try:
            call(now)
        except TimedOutError:
            if has_passed(deadline):
                raise
            return False
        return True

    async def _in_thread(self, call: Callable[[], object]) -> None:
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
        quitting = self.channel._quitting
        thread.start()
        cancelled = None
        while not outcome.done():
            try:
                await asyncio.wait((outcome,))
            except asyncio.CancelledError as problem:
                cancelled = problem
                quitting.add(thread)
        quitting.discard(thread)
        if cancelled is not None:
            outcome.exception()  # seen: of no interest now
            raise cancelled
        outcome.result()


def _seconds_until(deadline: int | None) -> float | None:
    if deadline is None:
        return None
    return 0.0 if deadline == POLL else max(0.0, deadline / 1e9 - time.monotonic())


def _bytes_in(part: bytes | memoryview) -> int:
    return len(part) if isinstance(part, bytes) else part.nbytes
