"""Receiving messages: the reader's half of a message channel.

One native fetch takes up to 255 messages, which are then handed out one by one without a call. What
was fetched and not handed out is still in the channel as far as others can see: if this process is
killed, or closes the channel, the next reader gets it.

There is one hand-out for all ways of receiving (_it, _batch, _taken: see _end.py), and it is only
ever replaced when it is empty, or by a store right behind a check that nobody has taken from it.
"""

from __future__ import annotations

import sys

from smipc import _abi
from smipc._buffers import pointer, whole_number
from smipc._end import CLAIM, FETCHING, NOTHING, End
from smipc._marshal import loads
from smipc._native import ffi, lib
from smipc._timing import POLL, SLICE, SOON, deadline_after, is_timeout, slice_ns, timed_out
from smipc.errors import (
    OppositeEndClosedError,
    OppositeEndDiedError,
    OutOfMemoryError,
    TimedOutError,
    check,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from typing_extensions import Self

    T = TypeVar("T")

_fetch: Any = lib.smipc_channel_fetch
_recv: Any = lib.smipc_channel_recv

_KIND_SHIFT = _abi.SMIPC_FETCH_KIND_SHIFT
_LIST = _abi.SMIPC_FETCH_LIST
_LARGE = _abi.SMIPC_FETCH_LARGE
_TIMED_OUT = _abi.SMIPC_E_TIMED_OUT
ONE_END = 1 << _KIND_SHIFT  # results from 0 up to here are of kind SMIPC_FETCH_ONE
_VALUE = ONE_END - 1
NOTHING_CAME = "no message has come"
_NO_PAIRS: Any = iter(())
# Whether recv_many may hand out a list itself. Up to 3.11 another thread may be in the middle of
# copying from it: garbage is collected inside of allocations there, which lets others in.
_WHOLE_LISTS = sys.version_info >= (3, 12)


class Inbox(End):
    __slots__ = ()

    def recv(self, timeout: float | None = None) -> bytes:
        """Receives the next message.

        Waits up to `timeout` seconds (None: for ever, 0: not at all).

        Any number of threads may receive from one Channel; each message goes to one of them. A
        Python signal handler that raises (Ctrl-C does) ends the wait at once and loses nothing.

        TimedOutError; OppositeEndClosedError once the writer has closed and everything is read;
        OppositeEndDiedError if it was killed; WrongEndError, WrongFramingError, ClosedError,
        BusyError (a listener reads it, or a peek is open), OutOfMemoryError, CorruptError.
        """
        if timeout is not None and not is_timeout(timeout):
            deadline_after(self._cid, timeout)  # says what is wrong, though nothing is waited for
        for count, message in self._it:
            self._taken[0] = count
            return message
        if timeout is None and self._busy is None:
            self._busy = FETCHING
            self._batch = NOTHING  # all handed out: see _end.py
            for result in self._calls:
                self._busy = result
                if 0 <= result < ONE_END:
                    self._busy = FETCHING  # the slice may collect garbage
                    message = self._area[:result]
                    self._busy = None
                    return message  # type: ignore[no-any-return]
                if self._read_list(result):
                    for count, message in self._it:
                        self._taken[0] = count
                        return message
                break
            else:
                self._busy = None
        deadline = deadline_after(self._cid, timeout)
        if deadline == POLL:
            for now in map(self._recv_soon, (POLL,)):
                if now is None:
                    raise timed_out(self._cid, NOTHING_CAME)
                return now
        while True:
            self._fill(deadline)
            for count, message in self._it:
                self._taken[0] = count
                return message
            self._batch = NOTHING  # whatever shared memory says

    def _recv_soon(self, deadline: int = SOON) -> bytes | None:
        """The next message, or None if there is none by the deadline, SOON or POLL. Errors as for
        recv."""
        for count, message in self._it:  # again: another thread may have come between
            self._taken[0] = count
            return message
        if self._calls and self._busy is None:
            self._busy = FETCHING
            self._batch = NOTHING  # all handed out: see _end.py
            for result in self._soon if deadline is SOON else self._now:
                self._busy = result
                if 0 <= result < ONE_END:
                    self._busy = FETCHING  # the slice may collect garbage
                    message = self._area[:result]
                    self._busy = None
                    return message  # type: ignore[no-any-return]
                if result == _TIMED_OUT:
                    self._busy = None
                    return None
                if self._read_list(result):
                    for count, message in self._it:
                        self._taken[0] = count
                        return message
                break
            else:
                self._busy = None
        try:
            self._fill(deadline)
        except TimedOutError:
            return None
        for count, message in self._it:
            self._taken[0] = count
            return message
        self._batch = NOTHING  # whatever shared memory says
        return None

    def recv_many(self, limit: int = 255, timeout: float | None = None) -> list[bytes]:
        """Receives what is there, 1 to `limit` messages, waiting for the first one only.

        At most 255 messages and a quarter of the channel come at a time. Errors as for recv, and
        InvalidArgumentError for a limit below 1.
        """
        if timeout is None and type(limit) is int and 0 < limit <= 1 << 62:
            deadline = None
        else:
            limit = whole_number(self._cid, "limit", limit, 1, 1 << 62)
            deadline = deadline_after(self._cid, timeout)
        while True:
            it, batch, start = self._it, self._batch, self._taken[0]
            if _WHOLE_LISTS and not start and len(batch) <= limit:
                messages, end, pairs, kept = batch, len(batch), _NO_PAIRS, NOTHING
            else:
                messages = batch[start : start + limit]
                end = start + len(messages)
                rest = iter(batch)
                rest.__setstate__(end)  # type: ignore[attr-defined]  # where a list's iterator goes on
                pairs, kept = enumerate(rest, end + 1), batch
            if messages:
                # The batch, too: a fetch that is under way has dropped it, and set the count to 0.
                if self._it is it and self._batch is batch and self._taken[0] == start:
                    self._it = pairs
                    self._taken[0] = end
                    self._batch = kept
                    return messages
            elif deadline is not None or not self._fetch_list():
                self._fill(deadline)

    def _fetch_list(self) -> bool:
        """The fast path of _fill: fetches without the turn. Whether the hand-out has got a list.

        Whatever else was fetched is left to _fill.
        """
        if self._calls and self._busy is None:
            self._busy = FETCHING
            rest = self._batch[self._taken[0] :]  # may collect garbage: claimed before it
            self._busy = CLAIM[not rest]
            if not rest:
                self._batch = NOTHING
                for result in self._calls:
                    self._busy = result
                    return self._read_list(result)
                self._busy = None
        return False

    def _read_list(self, result: int) -> bool:
        """Moves a list that was just fetched, and not yet by another thread, into the hand-out."""
        if result >> _KIND_SHIFT == _LIST:
            data = self._area[: result & _VALUE]
            # From here on it does not matter any more whether somebody else fetches.
            if self._busy is result:
                batch = loads(data)
                it = enumerate(batch, 1)
                # Still empty, as the fetch has left it: nothing was put back since.
                if self._busy is result and self._batch is NOTHING:
                    self._batch = batch
                    self._taken = self._shared_taken
                    self._it = it
                    self._busy = None
                    return True
        return False

    def __iter__(self) -> Self:
        """Iterates over the messages, until the writer has closed and everything is read."""
        return self

    def __next__(self) -> bytes:
        for count, message in self._it:
            self._taken[0] = count
            return message
        try:
            for message in map(
                type(self).recv, (self,)
            ):  # `return self.recv()` may lose it: _end.py
                return message
        except OppositeEndDiedError:
            raise
        except OppositeEndClosedError:
            raise StopIteration from None
        raise AssertionError("unreachable")

    def _fill(self, deadline: int | None, announce_large: bool = False) -> int:
        """Makes sure that the hand-out has a message, or raises; may be interrupted anywhere.

        With `announce_large`, a message too large for a fetch is not received: its size is returned
        (0 otherwise), and it stays.
        """
        return self._in_turn(deadline, self._fill_in_turn, announce_large)

    def _fill_in_turn(self, announce_large: bool, deadline: int | None) -> int:
        while large := self._fetch_in_turn(deadline):
            if announce_large:
                return large
            self._receive_large(self._opened(), large, deadline)
        return 0

    def _fetch_in_turn(self, deadline: int | None) -> int:
        self._refuse_loan()
        handle = self._opened()
        while not self._batch[self._taken[0] :]:
            self._batch = NOTHING
            if self._pending is None:
                for result in map(_fetch, (handle,), (slice_ns(deadline, self._slice),)):
                    self._pending = result
                if result < 0:
                    self._pending = None
                    self._go_on(result, deadline, NOTHING_CAME)
                    continue
            large = self._read_pending()
            if large:
                return large
        return 0

    def _read_pending(self) -> int:
        """With the turn: moves a fetched result into the hand-out, if that is empty.

        The result stays pending until that is done, so that an interruption on the way only means
        to read it again. Returns the size of a message that was announced only.
        """
        result = self._pending
        if result is None or result < 0:
            self._pending = None
            return 0
        size = result & _VALUE
        if result >> _KIND_SHIFT == _LARGE:
            self._pending = None
            return size
        if result >> _KIND_SHIFT == _LIST:
            batch, taken = loads(self._memory[:size]), self._shared_taken
        else:
            batch, taken = [self._area[:size]], memoryview(bytearray(2)).cast("H")
        it = enumerate(batch, 1)
        old = self._batch
        if not old[self._taken[0] :] and self._batch is old:
            self._batch = batch
            self._taken = taken
            self._it = it
            self._pending = None
        return 0

    def _receive_large(self, handle: Any, size: int, deadline: int | None) -> None:
        """With the turn: receives a message of `size` bytes and puts it into the hand-out.

        Nothing, if its writer has given it up and a larger one has come in its place.
        """
        # The new bytes object is nobody else's yet, so that it may be filled in place; but those of
        # 0 and 1 bytes are shared by all of Python.
        message = self._allocate(bytes, max(size, 2))
        room = len(message)
        memory = pointer(message)
        window = ffi.buffer(memory)
        out_size = ffi.new("size_t *")
        batch: list[bytes] = []
        it = enumerate(batch, 1)  # begins once the message is in it
        taken = memoryview(bytearray(2)).cast("H")
        while True:
            arguments = (
                (handle,),
                (memory,),
                (room,),
                (slice_ns(deadline, self._slice),),
                (out_size,),
            )
            for status in map(_recv, *arguments):
                if not status:
                    batch += self._batch[self._taken[0] :]
                    if out_size[0] == room:
                        batch += (message,)
                    else:  # the large one was given up, and this is the one behind it
                        batch += (window[: out_size[0]],)
                    self._batch = batch
                    self._taken = taken
                    self._it = it
                    return
            if status == _abi.SMIPC_E_BUFFER_TOO_SMALL:
                return
            self._go_on(status, deadline, NOTHING_CAME)

    def _has_fetched(self) -> bool:
        """Whether recv can hand out a message without asking the channel."""
        fetched = self._busy is not None and self._busy >= 0
        return fetched or bool(self._batch[self._taken[0] :])

    def _arm(self, handle: Any) -> int:
        """What _readiness.py asks for, like the next two."""
        return lib.smipc_channel_fd_arm(handle, 0)  # type: ignore[no-any-return]

    def _wait_a_slice(self, handle: Any) -> int:
        handles = ffi.new("smipc_channel *[]", [handle])
        ready = ffi.new("uint8_t[1]")
        return lib.smipc_wait(handles, 1, SLICE, ready, ffi.NULL)  # type: ignore[no-any-return]

    def _descriptor(self) -> int:
        out = ffi.new("int32_t *")
        check(lib.smipc_channel_fd(self._opened(), out))
        return int(out[0])

    def _put_back(self, message: bytes) -> None:
        """Makes `message`, which was the last one received, the next one again."""
        while True:
            it, old, start = self._it, self._batch, self._taken[0]
            batch = [message, *old[start:]]
            fresh = enumerate(batch, 1)
            taken = memoryview(bytearray(2)).cast("H")
            if self._it is it and self._batch is old and self._taken[0] == start:
                self._batch = batch
                self._taken = taken
                self._it = fresh
                return

    def _allocate(self, make: Callable[[int], T], size: int) -> T:
        """Memory for a message of `size` bytes, which its writer has told us."""
        try:
            return make(size)
        except (MemoryError, OverflowError, ValueError):
            raise self._error(
                OutOfMemoryError, f"there is no memory for a message of {size} bytes"
            ) from None
