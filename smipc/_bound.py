"""The native calls that are made for each message, with few arguments: each costs some 40 ns.

The handle is left out (smipc_channel_bind, smipc_message_queue_bind), and so is the size of a bytes
object, which the library finds where CPython keeps it: in front of the bytes, as their
__basicsize__ and object's have it, and as a look at a few of them confirms. Where that does not
hold the size is passed.
"""

from __future__ import annotations

import sys
from itertools import repeat

from smipc import _abi
from smipc._native import ffi, lib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

# No fetch returns it.
_NEVER = -(1 << 62)

_FINDS_SIZES = (
    sys.implementation.name == "cpython"
    and bytes.__basicsize__ - 1 - object.__basicsize__ == 2 * ffi.sizeof("size_t")
    and all(lib.smipc_size_before(b"s" * size) == size for size in (0, 1, 77, 70_001))
)


class Keeper:
    """The destructor of a borrowed pointer: it does nothing but keep its owner until then."""

    __slots__ = ("_owner",)

    def __init__(self, owner: Any) -> None:
        self._owner = owner

    def __call__(self, _: Any) -> None:
        pass


def no_send(data: bytes) -> int:
    """Of a handle that is not open, or not to be used: the caller has to look why."""
    return _abi.SMIPC_E_CLOSED


def _sending(calls: Any, keeper: Keeper) -> Callable[[bytes], int]:
    if _FINDS_SIZES:
        sized: Callable[[bytes], int] = ffi.gc(calls.try_send_sized, keeper)
        return sized
    try_send = ffi.gc(calls.try_send, keeper)
    return lambda data: int(try_send(data, len(data)))


class ChannelCalls:
    """Of one handle, which each of them keeps: its slot would be another's, once it is freed."""

    __slots__ = ("fetch_now", "fetch_soon", "fetch_wait", "try_send")

    try_send: Callable[[bytes], int]  # of an object whose type is bytes, and nothing else
    # Each step of one of these is a call.
    fetch_wait: Iterable[int]
    fetch_soon: Iterable[int]
    fetch_now: Iterable[int]

    def __init__(self, handle: Any) -> None:
        calls = ffi.new("smipc_channel_calls *")
        if lib.smipc_channel_bind(handle, calls):  # there are too many of them
            self.try_send = lambda data: lib.smipc_channel_try_send(handle, data, len(data))
            self.fetch_wait = map(lib.smipc_channel_fetch_wait, repeat(handle))
            self.fetch_soon = map(lib.smipc_channel_fetch_soon, repeat(handle))
            self.fetch_now = map(lib.smipc_channel_fetch_now, repeat(handle))
        else:
            keeper = Keeper(handle)
            self.try_send = _sending(calls, keeper)
            self.fetch_wait = iter(ffi.gc(calls.fetch_wait, keeper), _NEVER)
            self.fetch_soon = iter(ffi.gc(calls.fetch_soon, keeper), _NEVER)
            self.fetch_now = iter(ffi.gc(calls.fetch_now, keeper), _NEVER)


class QueueCalls:
    """The same of a message queue. `area` is for one thread at a time."""

    __slots__ = ("fetch_wait", "try_send")

    try_send: Callable[[bytes], int]
    fetch_wait: Iterable[int]

    def __init__(self, handle: Any, area: Any) -> None:
        calls = ffi.new("smipc_message_queue_calls *")
        if lib.smipc_message_queue_bind(handle, area, calls):
            self.try_send = lambda data: lib.smipc_message_queue_try_send(handle, data, len(data))
            self.fetch_wait = map(lib.smipc_message_queue_fetch_wait, repeat(handle), repeat(area))
        else:
            keeper = Keeper((handle, area))
            self.try_send = _sending(calls, keeper)
            self.fetch_wait = iter(ffi.gc(calls.fetch_wait, keeper), _NEVER)
