"""Streams: bytes without boundaries, like a pipe."""

from __future__ import annotations

from smipc import _abi
from smipc._buffers import pointer, readable, unpin, whole_number, writable
from smipc._end import FREE, End
from smipc._native import ffi, lib
from smipc._timing import POLL, deadline_after, has_passed, slice_ns
from smipc.errors import InvalidArgumentError, OppositeEndClosedError, TimedOutError

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
        source = readable(self._cid, data)
        deadline = deadline_after(self._cid, timeout)
        memory = None
        written = ffi.new("size_t *")
        done = 0
        for _ in map(self._enter, (deadline,)):
            try:
                handle = self._opened()
                memory = pointer(source)
                size = len(memory)
                while True:
                    written[0] = 0
                    ns = slice_ns(deadline)
                    status = _write(handle, memory + done, size - done, ns, written)
                    done += written[0]
                    if not status:
                        break
                    self._go_on(status, deadline, f"no room for {size - done} of {size} bytes")
            except BaseException as problem:
                if isinstance(problem, (TimedOutError, OppositeEndClosedError)):
                    problem.transferred = done
                unpin(memory)
                raise
            finally:
                self._owner = 0
                self._busy = FREE
                self._turn.release()

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
        view = writable(self._cid, buffer)
        n = whole_number(self._cid, "n", n, 0, 1 << 62)
        if n > len(view):
            raise self._error(
                InvalidArgumentError, f"{n} bytes do not fit the buffer of {len(view)}"
            )
        deadline = deadline_after(self._cid, timeout)
        if not blocking:
            if deadline is not None and deadline != POLL:
                raise self._error(InvalidArgumentError, f"timeout={timeout!r} needs blocking=True")
            return self._read_some(view[:n])
        memory = None
        for _ in map(self._enter, (deadline,)):
            try:
                handle = self._opened()
                memory = pointer(view)
                while True:
                    arguments = (handle,), (memory,), (n,), (slice_ns(deadline),)
                    for status in map(_read, *arguments):
                        if not status:
                            self._owner = 0
                            self._busy = FREE
                            for _ in self._release:
                                return n
                    self._go_on(status, deadline, f"{n} bytes have not come")
            except BaseException:
                self._owner = 0
                self._busy = FREE
                self._turn.release()
                unpin(memory)
                raise
        raise AssertionError("unreachable")

    def _read_some(self, view: memoryview, deadline: int | None = POLL) -> int:
        """What is there; 0 if that is nothing when the deadline passes."""
        memory = None
        out_read = ffi.new("size_t *")
        size = len(view)
        for _ in map(self._enter, (deadline,)):
            try:
                handle = self._opened()
                memory = pointer(view)
                while True:
                    arguments = (handle,), (memory,), (size,), (slice_ns(deadline),), (out_read,)
                    for status in map(_read_some, *arguments):
                        if not status or (status == _TIMED_OUT and has_passed(deadline)):
                            count = out_read[0]
                            self._owner = 0
                            self._busy = FREE
                            for _ in self._release:
                                return count  # type: ignore[no-any-return]
                    self._go_on(status, deadline, "no bytes have come")
            except BaseException:
                self._owner = 0
                self._busy = FREE
                self._turn.release()
                unpin(memory)
                raise
        raise AssertionError("unreachable")
