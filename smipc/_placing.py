"""Receiving messages into memory of the caller's, or into memory that depends on the message."""

from __future__ import annotations

from smipc import _abi
from smipc._buffers import pointer, unpin, writable
from smipc._end import NOTHING
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
    Plan = Callable[[int, bytes], tuple[Sequence[memoryview], T]]

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
        memory = pointer(view)
        try:
            arguments = (deadline,), (self._fill_view,), ((view, memory),)
            for size in map(self._in_turn, *arguments):
                return size
        except BaseException:
            unpin(memory)
            raise
        raise AssertionError("unreachable")

    def _fill_view(self, given: tuple[memoryview, Any], deadline: int | None) -> int:
        view, memory = given
        self._refuse_loan()
        handle = self._opened()
        room = len(view)
        out_size = ffi.new("size_t *")
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
                        return size
                continue
            self._batch = NOTHING
            ns = slice_ns(deadline, self._slice)
            for status in map(_recv, (handle,), (memory,), (room,), (ns,), (out_size,)):
                if not status:
                    return out_size[0]  # type: ignore[no-any-return]
            if status == _TOO_SMALL:
                raise self._too_small(out_size[0], room)
            self._go_on(status, deadline, NOTHING_CAME)

    def _recv_as(
        self,
        plan: Plan[T],
        deadline: int | None,
        prefix_size: int = 0,
    ) -> T:
        """Receives the next message into memory that depends on it.

        `plan` is told its size and up to `prefix_size` of its first bytes (fewer when they have not
        come yet), and gives the buffers to fill, one after the other, and what to return then. If
        it raises, the message stays.
        """
        for result in map(
            self._in_turn, (deadline,), (self._fill_planned,), ((plan, prefix_size),)
        ):
            return result
        raise AssertionError("unreachable")

    def _fill_planned(self, given: tuple[Plan[T], int], deadline: int | None) -> T:
        plan, prefix_size = given
        self._refuse_loan()
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
                        return result
                continue
            self._batch = NOTHING
            size, prefix = self._look(self._opened(), prefix_size, deadline)
            buffers, result = plan(size, prefix)
            for was_this in map(self._fill_buffers, (buffers,), (size,), (deadline,)):
                if was_this:
                    return result

    def _fill_buffers(self, buffers: Sequence[memoryview], size: int, deadline: int | None) -> bool:
        """Receives the next message into the buffers, if it still is the one of `size` bytes.

        False: it was not. Its writer has given it up, and if there is one behind it that fits the
        buffers, that is in the hand-out now.
        """
        handle = self._opened()
        parts, pins = native_parts(buffers)
        out_size = ffi.new("size_t *")
        other: int | None = None  # the size of another message, which is in the buffers now
        try:
            while True:
                ns = slice_ns(deadline, self._slice)
                arguments = (handle,), (parts,), (len(pins),), (ns,), (out_size,)
                for status in map(_recv_parts, *arguments):
                    if not status:
                        if out_size[0] == size:
                            return True
                        other = out_size[0]
                if status == _TOO_SMALL:
                    return False
                if other is not None:
                    message = b"".join(buffers)[:other]
                    for other in map(self._put_back, (message,)):  # noqa: B007  None from here on
                        return False
                self._go_on(status, deadline, NOTHING_CAME)
        except BaseException:
            if other is not None:
                self._put_back(b"".join(buffers)[:other])
            unpin(*pins)
            raise

    def _look(self, handle: Any, prefix_size: int, deadline: int | None) -> tuple[int, bytes]:
        """With the turn: the size and the first bytes of the next message, which stays."""
        prefix = ffi.new("char[]", prefix_size) if prefix_size else ffi.NULL
        sizes = ffi.new("size_t[2]")
        while True:
            status = _next(
                handle, prefix, prefix_size, slice_ns(deadline, self._slice), sizes, sizes + 1
            )
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


def _scatter(message: bytes, buffers: Sequence[memoryview]) -> None:
    """Fills the buffers with the message, one after the other; the last may be larger."""
    start = 0
    for buffer in buffers:
        size = min(len(buffer), len(message) - start)
        buffer[:size] = message[start : start + size]
        start += size
