"""smipc.wait: until any of several channels can be read."""

from __future__ import annotations

from smipc import _abi
from smipc._buffers import one_by_one
from smipc._native import ffi, lib
from smipc._timing import deadline_after, has_passed, slice_ns
from smipc.errors import (
    BusyError,
    ClosedError,
    InvalidTypeError,
    WrongEndError,
    error,
    kind_and_value,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from smipc.channel import Channel

_CLOSED = _abi.SMIPC_E_CLOSED
_GO_ON = (_abi.SMIPC_E_TIMED_OUT, _abi.SMIPC_E_INTERRUPTED)


def wait(channels: Iterable[Channel], timeout: float | None = None) -> list[Channel]:
    """Waits until at least one of the readers can be read without waiting: something is there, or
    its writer is gone. Returns those, in the order given; none when the timeout (in seconds; None:
    for ever, 0: does not wait) passes first, or at once when no channels are given.

    WrongEndError, ClosedError (also when one is closed meanwhile), BusyError (a listener reads
    one).
    """
    from smipc.channel import Channel

    deadline = deadline_after(b"", timeout)
    all_of_them = one_by_one(b"", "channels", channels)
    for channel in all_of_them:
        if not isinstance(channel, Channel):
            raise InvalidTypeError(f"a Channel is needed, not {kind_and_value(channel)}")
        if channel.mode != _abi.SMIPC_READER:
            raise channel._error(WrongEndError, "this end is the writer, and wait is for readers")
        if channel._listener is not None:
            raise channel._error(BusyError, "a listener is reading it: stop it first")
    if not all_of_them:
        return []
    handles = [channel._opened() for channel in all_of_them]
    fetched = [channel._has_fetched() for channel in all_of_them]
    pointers = ffi.new("smipc_channel *[]", handles)
    ready = ffi.new("uint8_t[]", len(handles))
    while True:
        ns = 0 if any(fetched) else slice_ns(deadline)
        status = lib.smipc_wait(pointers, len(handles), ns, ready, ffi.NULL)
        if not status or any(fetched):
            readable = zip(all_of_them, ffi.buffer(ready)[:], fetched, strict=True)
            return [channel for channel, native, already in readable if native or already]
        if status not in _GO_ON:
            for index, channel in enumerate(all_of_them):  # names the one that is being closed
                channel._opened()
                if lib.smipc_wait(pointers + index, 1, 0, ready, ffi.NULL) == _CLOSED:
                    raise channel._error(ClosedError, "it was closed meanwhile")
            raise error(status)
        if has_passed(deadline):
            return []
