"""Zero copy: the channel's own memory, lent to the writer to fill or to the reader to read.

A view is released when its `with` block is left. Views made from it (slices, numpy arrays) may live
on; they keep the memory mapped, even after the channel is closed, so that touching one can never
crash the process, but what they show or store means nothing any more. A forked child has none of
the memory: there, only the view itself is safe (it is released), not what was made from it.
"""

from __future__ import annotations

from contextlib import suppress

from smipc import _abi
from smipc._buffers import whole_number
from smipc._end import NOTHING, lend
from smipc._native import ffi, lib
from smipc._timing import deadline_after, slice_ns
from smipc.errors import InvalidArgumentError, check

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from smipc._views import Views


class Loan:
    """What a reservation and a borrow have in common. Entered once, by one thread."""

    __slots__ = ("_channel", "_done", "_handle", "_timeout", "_view")

    what = "a loan"

    def __init__(self, channel: Views, timeout: float | None) -> None:
        deadline_after(channel._cid, timeout)
        self._channel = channel
        self._timeout = timeout
        self._handle: Any = None
        self._view: memoryview | None = None
        self._done = False

    def _wait(self, call: Callable[[int], int], deadline: int | None, problem: str) -> None:
        """Runs a native call in slices, until it gives SMIPC_OK."""
        while status := call(slice_ns(deadline, self._channel._slice)):
            self._channel._go_on(status, deadline, problem)

    def _begin(self) -> None:
        """With the turn: claims the channel's one loan."""
        if self._handle is not None:
            raise self._channel._error(InvalidArgumentError, f"{self.what} can be entered once")
        self._channel._refuse_loan()
        self._handle = self._channel._opened()

    def revoke(self) -> None:
        """Releases the view, if nothing was made from it."""
        if self._view is not None:
            with suppress(BufferError):  # slices or arrays live on: see above
                self._view.release()


class Reservation(Loan):
    """Room for one message, from Channel.reserve: `with` gives a writable memoryview of it.

    Leaving the block sends the message, an exception gives it up. `commit(size)` sends the first
    `size` bytes only, `abort()` nothing, both before the block is left.
    """

    __slots__ = ("_size",)

    what = "a reservation"

    def __init__(self, channel: Views, size: int, timeout: float | None) -> None:
        super().__init__(channel, timeout)
        self._size = whole_number(channel._cid, "size", size, 0, _abi.SMIPC_MAX_MESSAGE)

    def __enter__(self) -> memoryview:
        channel = self._channel
        deadline = deadline_after(channel._cid, self._timeout)
        arguments = (deadline,), (self._reserve,), (ffi.new("void **"),)
        for view in map(channel._in_turn, *arguments):
            return view
        raise AssertionError("unreachable")

    def _reserve(self, out: Any, deadline: int | None) -> memoryview:
        reserve = lib.smipc_channel_reserve
        try:
            self._begin()
            self._wait(
                lambda ns: int(reserve(self._handle, self._size, ns, out)),
                deadline,
                f"no room for a message of {self._size} bytes",
            )
            memory = lend(self._handle, out[0], self._size) if self._size else bytearray()
            self._view = view = memoryview(memory)
            self._channel._loan = self
            return view
        except BaseException:
            if out[0]:  # reserved, and interrupted since
                lib.smipc_channel_abort(self._handle)
            raise

    def commit(self, size: int | None = None) -> None:
        """Sends the first `size` bytes (None: all) as the message, and ends the view.

        InvalidArgumentError (more than was reserved, or not open), OppositeEndClosedError,
        OppositeEndDiedError, ClosedError.
        """
        if self._done or self._view is None:
            raise self._channel._error(InvalidArgumentError, "this reservation is not open")
        wanted = self._size if size is None else size
        wanted = whole_number(self._channel._cid, "size", wanted, 0, self._size)
        self._finish(lambda handle: check(lib.smipc_channel_commit(handle, wanted)))

    def abort(self) -> None:
        """Gives the room back and sends nothing. Idempotent, and fine after commit."""
        if not self._done and self._view is not None:
            self._finish(lib.smipc_channel_abort)  # fails only if it is closed: all is well then

    def _finish(self, call: Callable[[Any], object]) -> None:
        self._done = True
        self.revoke()
        try:
            call(self._handle)
        finally:
            if self._channel._loan is self:
                self._channel._loan = None

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self.abort()
        elif not self._done:
            self.commit()


class Borrow(Loan):
    """The next message, from Channel.peek: `with` gives a read-only memoryview of it.

    Leaving the block, with or without an exception, takes the message off the channel. If this
    process is killed inside, the message is the next reader's.
    """

    __slots__ = ("_calls", "_hand_out")

    what = "a peek"

    def __init__(self, channel: Views, timeout: float | None) -> None:
        super().__init__(channel, timeout)
        self._hand_out: tuple[list[bytes], int] | None = None  # where the message comes from

    def __enter__(self) -> memoryview:
        channel = self._channel
        deadline = deadline_after(channel._cid, self._timeout)
        given = ffi.new("const void **"), ffi.new("size_t *")
        for view in map(channel._in_turn, (deadline,), (self._borrow,), (given,)):
            return view
        raise AssertionError("unreachable")

    def _borrow(self, given: tuple[Any, Any], deadline: int | None) -> memoryview:
        channel = self._channel
        out, out_size = given
        try:
            self._begin()
            channel._read_pending()
            self._calls = channel._calls
            if not self._borrow_fetched():
                self._view = self._borrow_next(deadline, out, out_size)
                channel._loan = self
                channel._calls = ()
            assert self._view is not None
            return self._view
        except BaseException:
            if channel._loan is self:
                self._give_back(taken=0)
            if out[0]:  # borrowed, and interrupted since
                channel._put_back(ffi.buffer(out[0], out_size[0])[:])
                lib.smipc_channel_release(self._handle)
            raise

    def _borrow_fetched(self) -> bool:
        """Lends the next message of the hand-out, if there is one, and hides the hand-out: recv,
        which takes from it without the turn, finds the loan instead."""
        channel = self._channel
        while True:
            batch, start = channel._batch, channel._taken[0]
            if not batch[start:]:
                channel._batch = NOTHING
                return False
            self._view = memoryview(batch[start])
            if channel._batch is batch and channel._taken[0] == start:
                channel._it, channel._batch, channel._calls = (), NOTHING, ()
                channel._loan, self._hand_out = self, (batch, start)
                return True

    def _borrow_next(self, deadline: int | None, out: Any, out_size: Any) -> memoryview:
        peek = lib.smipc_channel_peek
        self._wait(
            lambda ns: int(peek(self._handle, ns, out, out_size)), deadline, "no message has come"
        )
        size = out_size[0]
        if size > self._channel._capacity or size == 0:
            # Not in the ring, but in memory that goes with the message.
            return memoryview(ffi.buffer(out[0], size)[:] if size else b"")
        return memoryview(lend(self._handle, out[0], size)).toreadonly()

    def __exit__(self, *_: object) -> None:
        if self._done or self._handle is None:
            return
        self._done = True
        self.revoke()
        if self._channel._loan is not self:  # closed, in between or in a fork
            return
        try:
            if self._hand_out is None:
                check(lib.smipc_channel_release(self._handle))
        finally:
            self._give_back(taken=1)

    def give_up(self) -> None:
        """Leaves the block without taking the message: it is the next one again."""
        channel = self._channel
        if self._done or self._view is None or channel._loan is not self:
            return
        message = b"" if self._hand_out is not None else bytes(self._view)
        self._done = True
        self.revoke()
        if self._hand_out is None:
            channel._put_back(message)
            check(lib.smipc_channel_release(self._handle))
        self._give_back(taken=0)

    def _give_back(self, taken: int) -> None:
        """Ends what __enter__ has done to the hand-out, with the message taken (1) or not (0)."""
        channel = self._channel
        if self._hand_out is not None:
            batch, start = self._hand_out
            it = enumerate(batch[start + taken :], start + taken + 1)
            channel._taken[0] = start + taken
            channel._batch = batch
            channel._it = it
        channel._calls = self._calls
        channel._loan = None
