"""Streams: bytes without boundaries, like a pipe."""

from __future__ import annotations

from smipc import _abi
from smipc._buffers import pointer, readable, unpin, whole_number, writable
from smipc._end import End
from smipc._native import ffi, lib
from smipc._timing import POLL, deadline_after, has_passed, slice_ns
from smipc.errors import InvalidArgumentError, SmipcError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from typing_extensions import Buffer

_write: Any = lib.smipc_channel_write
_read: Any = lib.smipc_channel_read
_read_some: Any = lib.smipc_channel_read_some

_TIMED_OUT = _abi.SMIPC_E_TIMED_OUT


class Stream(End):
    __slots__ = ()

    def write(self, data: Buffer, timeout: float | None = None) -> None:
        """Writes all bytes of `data`, any contiguous bytes-like object of any size.

        Waits up to `timeout` seconds (None: for ever, 0: not at all) while there is no room. Data
        up to the capacity goes as a whole or not at all; more passes in pieces, and an error says
        in `transferred` how many bytes have gone. Two threads that write do not mix their bytes.

        TimedOutError, OppositeEndClosedError, OppositeEndDiedError, WrongEndError,
        WrongFramingError, ClosedError, InvalidTypeError.
        """
        self._write_all(readable(self._cid, data), deadline_after(self._cid, timeout))

    def _write_all(self, source: bytes | memoryview, deadline: int | None) -> None:
        memory = pointer(source)
        written = ffi.new("size_t[2]")  # by the last call, and by all of them
        try:
            self._in_turn(deadline, self._write_slices, (memory, written))
        except BaseException as problem:
            if isinstance(problem, SmipcError):
                problem.transferred = written[1]
            unpin(memory)
            raise

    def _write_slices(self, given: tuple[Any, Any], deadline: int | None) -> None:
        memory, written = given
        handle = self._opened()
        size = len(memory)
        while True:
            written[0] = 0
            left = size - written[1]
            ns = slice_ns(deadline, self._slice)
            status = _write(handle, memory + written[1], left, ns, written)
            written[1] += written[0]
            if not status:
                return
            self._go_on(status, deadline, f"no room for {size - written[1]} of {size} bytes")

    def read(
        self, buffer: Buffer, n: int, blocking: bool = False, timeout: float | None = None
    ) -> int:
        """Reads into a writable contiguous buffer of at least `n` bytes; returns how many it read.

        Not blocking: what is there, up to `n` bytes, possibly 0. Blocking: exactly `n` bytes,
        waiting up to `timeout` seconds (None: for ever); on an error nothing is consumed. When the
        writer has gone and fewer than `n` bytes are left, that is an OppositeEndClosedError, and a
        read that does not block gets them.

        TimedOutError, OppositeEndClosedError (everything is read), OppositeEndDiedError,
        WrongEndError, WrongFramingError, ClosedError, BusyError (a listener reads it),
        InvalidTypeError and InvalidArgumentError: no writable buffer, or one smaller than `n`.
        """
        view = self._room_for(buffer, n)
        deadline = deadline_after(self._cid, timeout)
        if not blocking:
            if deadline is not None and deadline != POLL:
                raise self._error(InvalidArgumentError, f"timeout={timeout!r} needs blocking=True")
            for count in map(self._read_some, (view,)):
                return count
        for count in map(self._read_all, (view,), (deadline,)):
            return count
        raise AssertionError("unreachable")

    def _room_for(self, buffer: Buffer, n: int) -> memoryview:
        """The first n bytes of a buffer that has them."""
        view = writable(self._cid, buffer)
        n = whole_number(self._cid, "n", n, 0, 1 << 62)
        if n > len(view):
            raise self._error(
                InvalidArgumentError, f"{n} bytes do not fit the buffer of {len(view)}"
            )
        return view[:n]

    def _read_all(self, view: memoryview, deadline: int | None) -> int:
        memory = pointer(view)
        n = len(view)
        try:
            for _ in map(self._in_turn, (deadline,), (self._read_exactly,), ((memory, n),)):
                return n
        except BaseException:
            unpin(memory)
            raise
        raise AssertionError("unreachable")

    def _read_exactly(self, given: tuple[Any, int], deadline: int | None) -> None:
        memory, n = given
        handle = self._opened()
        while True:
            for status in map(
                _read, (handle,), (memory,), (n,), (slice_ns(deadline, self._slice),)
            ):
                if not status:
                    return
            self._go_on(status, deadline, f"{n} bytes have not come")

    def _read_some(self, view: memoryview, deadline: int | None = POLL) -> int:
        """What is there; 0 if that is nothing when the deadline passes."""
        memory = pointer(view)
        try:
            arguments = (deadline,), (self._read_what_is_there,), ((memory, len(view)),)
            for count in map(self._in_turn, *arguments):
                return count
        except BaseException:
            unpin(memory)
            raise
        raise AssertionError("unreachable")

    def _read_what_is_there(self, given: tuple[Any, int], deadline: int | None) -> int:
        memory, size = given
        handle = self._opened()
        out_read = ffi.new("size_t *")
        while True:
            arguments = (
                (handle,),
                (memory,),
                (size,),
                (slice_ns(deadline, self._slice),),
                (out_read,),
            )
            for status in map(_read_some, *arguments):
                if not status:
                    return out_read[0]  # type: ignore[no-any-return]
            if status == _TIMED_OUT and has_passed(deadline):
                return 0
            self._go_on(status, deadline, "no bytes have come")
