"""Receiving messages into memory of the caller's, or into memory that depends on the message."""

from __future__ import annotations

from smipc import _abi
from smipc._buffers import pointer, unpin, writable
from smipc._end import FREE, HELD, NOTHING
from smipc._inbox import NOTHING_CAME, Inbox
from smipc._native import ffi, lib
from smipc._timing import deadline_after, slice_ns
from smipc.errors import BufferTooSmallError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, TypeVar

    from typing_extensions import Buffer

    T = TypeVar("T")

_next: Any = lib.smipc_channel_next
_recv: Any = lib.smipc_channel_recv
_recv_parts: Any = lib.smipc_channel_recv_parts

_TOO_SMALL = _abi.SMIPC_E_BUFFER_TOO_SMALL


class PlacingInbox(Inbox):
    __slots__ = ()

    def recv_into(self, buffer: Buffer, timeout: float | None = None) -> int:
        """Receives the next message into any writable contiguous buffer; returns its size in bytes.

        BufferTooSmallError, with the size in `needed`, leaves the message in the channel. Other
        errors as for recv; InvalidTypeError for what is no writable buffer.
        """
        view = writable(self._cid, buffer)
        deadline = deadline_after(self._cid, timeout)
        room = len(view)
        memory = None
        out_size = ffi.new("size_t *")
        size: int
        for _ in map(self._enter, (deadline,)):
            try:
                self._refuse_loan()
                handle = self._opened()
                memory = pointer(view)
                while True:
                    self._read_pending()
                    it, start = self._it, self._taken[0]
                    if self._batch[start:]:
                        message = self._batch[start]
                        size = len(message)
                        if size > room:
                            raise self._too_small(size, room)
                        view[:size] = message
                        if self._it is it and self._taken[0] == start:
                            for count, _ in it:
                                self._taken[0] = count
                                self._owner = 0
                                self._busy = HELD if self._pending is not None else FREE
                                for _ in self._release:
                                    return size
                        continue
                    self._batch = NOTHING
                    ns = slice_ns(deadline)
                    for status in map(_recv, (handle,), (memory,), (room,), (ns,), (out_size,)):
                        if not status:
                            size = out_size[0]
                            self._owner = 0
                            self._busy = FREE
                            for _ in self._release:
                                return size
                    if status == _TOO_SMALL:
                        raise self._too_small(out_size[0], room)
                    self._go_on(status, deadline, NOTHING_CAME)
            except BaseException:
                self._owner = 0
                self._busy = HELD if self._pending is not None else FREE
                self._turn.release()
                unpin(memory)
                raise
        raise AssertionError("unreachable")

    def _recv_as(
        self,
        plan: Callable[[int, bytes], tuple[Sequence[memoryview], T]],
        deadline: int | None,
        prefix_size: int = 0,
    ) -> T:
        """Receives the next message into memory that depends on it.

        `plan` is told its size and up to `prefix_size` of its first bytes (fewer when they have not
        come yet), and gives the buffers to fill, one after the other, and what to return then. If
        it raises, the message stays.
        """
        other: tuple[Sequence[memoryview], int] | None = None  # a message in the wrong place
        pins: list[Any] = []
        for _ in map(self._enter, (deadline,)):
            try:
                self._refuse_loan()
                handle = self._opened()
                while True:
                    self._read_pending()
                    it, start = self._it, self._taken[0]
                    if self._batch[start:]:
                        message = self._batch[start]
                        buffers, result = plan(len(message), message[:prefix_size])
                        _scatter(message, buffers)
                        if self._it is it and self._taken[0] == start:
                            for count, _ in it:
                                self._taken[0] = count
                                self._owner = 0
                                self._busy = HELD if self._pending is not None else FREE
                                for _ in self._release:
                                    return result
                        continue
                    self._batch = NOTHING
                    size, prefix = self._look(handle, prefix_size, deadline)
                    buffers, result = plan(size, prefix)
                    parts, pins = native_parts(buffers)
                    out_size = ffi.new("size_t *")
                    status = _abi.SMIPC_E_TIMED_OUT
                    while status and status != _TOO_SMALL:
                        ns = slice_ns(deadline)
                        arguments = (handle,), (parts,), (len(pins),), (ns,), (out_size,)
                        for status in map(_recv_parts, *arguments):
                            if not status:
                                if out_size[0] == size:
                                    self._owner = 0
                                    self._busy = FREE
                                    for _ in self._release:
                                        return result
                                # It was given up, and this is the one behind it: begin again.
                                other = buffers, out_size[0]
                        if status and status != _TOO_SMALL:
                            self._go_on(status, deadline, NOTHING_CAME)
                    if other is not None:
                        gathered = (_gather(*other),)
                        for other in map(self._put_back, gathered):  # noqa: B007
                            pass  # with that, it is None
            except BaseException:
                if other is not None:
                    self._put_back(_gather(*other))
                self._owner = 0
                self._busy = HELD if self._pending is not None else FREE
                self._turn.release()
                unpin(*pins)
                raise
        raise AssertionError("unreachable")

    def _look(self, handle: Any, prefix_size: int, deadline: int | None) -> tuple[int, bytes]:
        """With the turn: the size and the first bytes of the next message, which stays."""
        prefix = ffi.new("char[]", prefix_size) if prefix_size else ffi.NULL
        sizes = ffi.new("size_t[2]")
        while True:
            status = _next(handle, prefix, prefix_size, slice_ns(deadline), sizes, sizes + 1)
            if not status:
                return sizes[0], ffi.buffer(prefix, sizes[1])[:] if sizes[1] else b""
            self._go_on(status, deadline, NOTHING_CAME)

    def _too_small(self, needed: int, given: int) -> BufferTooSmallError:
        text = f"the message has {needed} bytes, the buffer {given}"
        problem = self._error(BufferTooSmallError, text)
        assert isinstance(problem, BufferTooSmallError)
        problem.needed = needed
        return problem


def native_parts(buffers: Sequence[bytes | memoryview]) -> tuple[Any, list[Any]]:
    """An array of smipc_buffer for the buffers, and what keeps their memory in its place."""
    pins = [pointer(buffer) for buffer in buffers]
    parts = ffi.new("smipc_buffer[]", len(pins))
    for part, pin in zip(parts, pins, strict=True):
        part.data = ffi.cast("void *", pin)
        part.size = len(pin)
    return parts, pins


def _gather(buffers: Sequence[memoryview], size: int) -> bytes:
    """The first bytes of the buffers together."""
    return b"".join(buffers)[:size]


def _scatter(message: bytes, buffers: Sequence[memoryview]) -> None:
    """Fills the buffers with the message, one after the other; the last may be larger."""
    start = 0
    for buffer in buffers:
        size = min(len(buffer), len(message) - start)
        buffer[:size] = message[start : start + size]
        start += size
