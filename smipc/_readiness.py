"""Waiting in an event loop until a channel, or a queue, can be read: what smipc.aio needs of the
platform.

Where the loop can watch descriptors it watches the channel's; everywhere else (the Proactor loop, a
platform without descriptors) a thread waits for as long as any task does. A wake-up only ever means
"look again".
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from weakref import ref

from smipc import _abi
from smipc.errors import UnsupportedError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    class Watched(Protocol):
        """What can be waited for: a Channel, a NamedMessageQueue."""

        _waiters: tuple[ref[Readiness], ...]  # which it tells when it is closed

        def _opened(self) -> Any:
            """The native handle. ClosedError, ForkedError."""

        def _has_fetched(self) -> bool:
            """Whether something can be handed out without a native call."""

        def _descriptor(self) -> int:
            """UnsupportedError: the platform has none."""

        def _arm(self, handle: Any) -> int:
            """Looks; then the descriptor will tell. A native status."""

        def _wait_a_slice(self, handle: Any) -> int:
            """Waits until it can be read, for a slice at most. A native status."""


# What a wait may end with.
TOO_LATE = 0  # the timeout passed
AT_ONCE = 1  # readable already
WOKEN = 2  # look again: the loop had its turn

_NOT_YET = (_abi.SMIPC_E_TIMED_OUT, _abi.SMIPC_E_INTERRUPTED)


class Readiness:
    """The tasks, of one event loop, that wait for one channel."""

    def __init__(self, channel: Watched) -> None:
        self._channel = channel
        self._waiters: list[asyncio.Future[bool]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._handle: Any = None  # what the descriptor belongs to
        self._descriptor: int | None = None
        self._watching: int | None = None
        others = (reference for reference in channel._waiters if reference() is not None)
        channel._waiters = (*others, ref(self))

    async def wait(self, seconds: float | None) -> int:
        """TOO_LATE, AT_ONCE or WOKEN. Errors of the channel."""
        channel = self._channel
        if channel._has_fetched():
            return AT_ONCE
        handle = channel._opened()
        loop = asyncio.get_running_loop()
        if handle != self._handle:
            self._descriptor = _descriptor_of(channel)
            self._handle = handle
        status = channel._arm(handle)
        if not status:
            return AT_ONCE
        if status not in (*_NOT_YET, _abi.SMIPC_E_UNSUPPORTED):
            raise error(status)
        if seconds == 0:
            return TOO_LATE
        return WOKEN if await self._wait_in_loop(loop, seconds) else TOO_LATE

    async def _wait_in_loop(self, loop: asyncio.AbstractEventLoop, seconds: float | None) -> bool:
        if loop is not self._loop:  # those of a loop that is gone
            self._waiters.clear()
            self._watching = None
            self._loop = loop
        waiter: asyncio.Future[bool] = loop.create_future()
        self._waiters.append(waiter)
        timer = None if seconds is None else loop.call_later(seconds, _settle, waiter, False)
        try:
            if len(self._waiters) == 1:
                self._watch(loop)
            return await waiter
        finally:
            if timer is not None:
                timer.cancel()
            if waiter in self._waiters:
                self._waiters.remove(waiter)
            if not self._waiters:
                self._unwatch()

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._descriptor is not None:
            try:
                loop.add_reader(self._descriptor, self._wake)
            except NotImplementedError:
                self._descriptor = None
            else:
                self._watching = self._descriptor
                return
        threading.Thread(
            target=self._wait_in_thread, args=(self._handle, loop), name="smipc aio", daemon=True
        ).start()

    def _unwatch(self) -> None:
        if self._watching is not None and self._loop is not None:
            self._loop.remove_reader(self._watching)
        self._watching = None

    def _wake(self) -> None:
        """In the loop: everybody is to look again."""
        waiters, self._waiters = self._waiters, []
        self._unwatch()
        for waiter in waiters:
            _settle(waiter, True)

    def _wait_in_thread(self, handle: Any, loop: asyncio.AbstractEventLoop) -> None:
        status = _NOT_YET[0]
        while status in _NOT_YET and self._waiters and loop is self._loop:
            status = self._channel._wait_a_slice(handle)
        _call_soon(loop, self._wake)

    def channel_closes(self, is_closed: bool) -> None:
        """From any thread, before and after the channel is closed, and its descriptor with it."""
        loop = self._loop
        if loop is None or not self._waiters:
            return
        if is_closed:
            _call_soon(loop, self._wake)
        elif asyncio._get_running_loop() is loop:
            self._unwatch()


def _descriptor_of(channel: Watched) -> int | None:
    try:
        return channel._descriptor()
    except UnsupportedError:
        return None


def _settle(waiter: asyncio.Future[bool], result: bool) -> None:
    if not waiter.done():
        waiter.set_result(result)


def _call_soon(loop: asyncio.AbstractEventLoop, function: Any) -> None:
    with suppress(RuntimeError):  # the loop is closed: nobody waits
        loop.call_soon_threadsafe(function)
