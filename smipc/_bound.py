"""The native calls that are made for each message, with few arguments: each costs some 40 ns.

The handle is left out (smipc_channel_bind, smipc_message_queue_bind), and so is the size of a bytes
object, which the library finds where CPython keeps it: in front of the bytes, as their
__basicsize__ and object's have it, and as a look at a few of them confirms. Where that does not
hold the size is passed.
"""

from __future__ import annotations

import sys
from _functools import partial  # type: ignore[import-not-found]  # functools takes a millisecond
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


def no_send(data: bytes) -> int:
    """Of a handle that is not open, or not to be used: the caller has to look why."""
    return _abi.SMIPC_E_CLOSED


def keeper_of(owner: object) -> Callable[[object], object]:
    """A destructor for a borrowed pointer: it does nothing but keep the owner until then.

    It is no Python function: on entering one CPython looks after signals, and what a handler raises
    in a destructor is lost.
    """
    return (owner,).count


def _sending(name: str, handle: Any, calls: Any, keeper: Any) -> Callable[[bytes], int]:
    """`calls`: None, or the handle's own."""
    if not _FINDS_SIZES:
        try_send = getattr(lib, f"{name}_try_send")
        return lambda data: int(try_send(handle, data, len(data)))
    if calls is None:
        passing: Callable[[bytes], int] = partial(getattr(lib, f"{name}_try_send_sized"), handle)
        return passing
    own: Callable[[bytes], int] = ffi.gc(calls.try_send_sized, keeper)
    return own


class ChannelCalls:
    """Of one handle, which each of them keeps: its slot would be another's, once it is freed."""

    __slots__ = ("fetch_now", "fetch_soon", "fetch_wait", "try_send")

    try_send: Callable[[bytes], int]  # of an object whose type is bytes, and nothing else
    # Each step of one of these is a call.
    fetch_wait: Iterable[int]
    fetch_soon: Iterable[int]
    fetch_now: Iterable[int]

    def __init__(self, handle: Any) -> None:
        keeper = keeper_of(handle)
        calls = ffi.new("smipc_channel_calls *")
        if lib.smipc_channel_bind(handle, calls):  # too many have some
            calls = None
            self.fetch_wait = map(lib.smipc_channel_fetch_wait, repeat(handle))
            self.fetch_soon = map(lib.smipc_channel_fetch_soon, repeat(handle))
            self.fetch_now = map(lib.smipc_channel_fetch_now, repeat(handle))
        else:
            self.fetch_wait = iter(ffi.gc(calls.fetch_wait, keeper), _NEVER)
            self.fetch_soon = iter(ffi.gc(calls.fetch_soon, keeper), _NEVER)
            self.fetch_now = iter(ffi.gc(calls.fetch_now, keeper), _NEVER)
        self.try_send = _sending("smipc_channel", handle, calls, keeper)


class QueueCalls:
    """The same of a message queue. `area` is for one thread at a time."""

    __slots__ = ("fetch_wait", "try_send")

    try_send: Callable[[bytes], int]
    fetch_wait: Iterable[int]

    def __init__(self, handle: Any, area: Any) -> None:
        keeper = keeper_of((handle, area))
        calls = ffi.new("smipc_message_queue_calls *")
        if lib.smipc_message_queue_bind(handle, area, calls):
            calls = None
            self.fetch_wait = map(lib.smipc_message_queue_fetch_wait, repeat(handle), repeat(area))
        else:
            self.fetch_wait = iter(ffi.gc(calls.fetch_wait, keeper), _NEVER)
        self.try_send = _sending("smipc_message_queue", handle, calls, keeper)
