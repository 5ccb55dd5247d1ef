"""Receiving messages: the reader's half of a message channel.

One native fetch takes up to 255 messages, which are then handed out one by one without a call. What
was fetched and not handed out is still in the channel as far as others can see: if this process is
killed, or closes the channel, the next reader gets it.

There is one hand-out for all ways of receiving (_it, _batch, _taken: see _end.py), and it is only
ever replaced when it is empty, or by a store right behind a check that nobody has taken from it.
"""

from __future__ import annotations

from smipc import _abi
from smipc._buffers import pointer, whole_number
from smipc._end import FETCHING, FREE, HELD, NOTHING, End
from smipc._marshal import loads
from smipc._native import ffi, lib
from smipc._timing import deadline_after, slice_ns
from smipc.errors import OppositeEndClosedError, OppositeEndDiedError, OutOfMemoryError, error

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
_ONE_END = 1 << _KIND_SHIFT  # results from 0 up to here are of kind SMIPC_FETCH_ONE
_VALUE = _ONE_END - 1
_GO_ON = (_abi.SMIPC_E_TIMED_OUT, _abi.SMIPC_E_INTERRUPTED)

NOTHING_CAME = "no message has come"


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
        for count, message in self._it:
            self._taken[0] = count
            return message
        if timeout is None and not self._busy:
            self._busy = FETCHING
            self._batch = NOTHING  # all handed out: see _end.py
            for result in self._calls:
                if 0 <= result < _ONE_END:
                    self._busy = FREE
                    return self._area[:result]  # type: ignore[no-any-return]
                if result >= 0:
                    self._pending = result
                    self._busy = HELD
                else:
                    self._busy = FREE
                    if result not in _GO_ON:
                        raise error(result)
                break
            else:
                self._busy = FREE
        deadline = deadline_after(self._cid, timeout)
        while True:
            self._fill(deadline)
            for count, message in self._it:
                self._taken[0] = count
                return message
            self._batch = NOTHING  # whatever shared memory says

    def recv_many(self, limit: int = 255, timeout: float | None = None) -> list[bytes]:
        """Receives what is there, 1 to `limit` messages, waiting for the first one only.

        At most 255 messages and a quarter of the channel come at a time. Errors as for recv, and
        InvalidArgumentError for a limit below 1.
        """
        limit = whole_number(self._cid, "limit", limit, 1, 1 << 62)
        deadline = deadline_after(self._cid, timeout)
        while True:
            it, batch, start = self._it, self._batch, self._taken[0]
            messages = batch[start : start + limit]
            if not messages:
                self._fill(deadline)
                continue
            end = start + len(messages)
            rest = enumerate(batch[end:], end + 1)
            if self._it is it and self._taken[0] == start:
                self._it = rest
                self._taken[0] = end
                return messages

    def __iter__(self) -> Self:
        """Iterates over the messages, until the writer has closed and everything is read."""
        return self

    def __next__(self) -> bytes:
        for count, message in self._it:
            self._taken[0] = count
            return message
        try:
            return self.recv()
        except OppositeEndDiedError:
            raise
        except OppositeEndClosedError:
            raise StopIteration from None

    def _fill(self, deadline: int | None, announce_large: bool = False) -> int:
        """Makes sure that the hand-out has a message, or raises; may be interrupted anywhere.

        With `announce_large`, a message too large for a fetch is not received: its size is returned
        (0 otherwise), and it stays.
        """
        for _ in map(self._enter, (deadline,)):
            try:
                self._refuse_loan()
                handle = self._opened()
                large = 0
                while not self._batch[self._taken[0] :] and not large:
                    self._batch = NOTHING
                    if self._pending is None:
                        for result in map(_fetch, (handle,), (slice_ns(deadline),)):
                            if result >= 0:
                                self._pending = result
                        if result < 0:
                            self._go_on(result, deadline, NOTHING_CAME)
                            continue
                    large = self._read_pending()
                    if large and not announce_large:
                        self._receive_large(handle, large, deadline)
                        large = 0
                self._owner = 0
                self._busy = HELD if self._pending is not None else FREE
                for _ in self._release:
                    return large
            except BaseException:
                self._owner = 0
                self._busy = HELD if self._pending is not None else FREE
                self._turn.release()
                raise
        raise AssertionError("unreachable")

    def _read_pending(self) -> int:
        """With the turn: moves a fetched result into the hand-out, which is empty.

        The result stays pending until that is done, so that an interruption on the way only means
        to read it again. Returns the size of a message that was announced only.
        """
        result = self._pending
        if result is None:
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
        if not self._batch[self._taken[0] :]:
            self._batch = batch
            self._taken = taken
            self._it = it
            self._pending = None
        return 0

    def _receive_large(self, handle: Any, size: int, deadline: int | None) -> None:
        """With the turn: receives a message of `size` bytes and puts it into the hand-out.

        Nothing, if its writer has given it up and a larger one has come in its place.
        """
        message = self._allocate(bytes, size)
        # The new bytes object is nobody else's yet, so that it may be filled in place; but those of
        # 0 and 1 bytes are shared by all of Python.
        in_place = size > 1
        memory = pointer(message) if in_place else ffi.new("char[1]")
        window = ffi.buffer(memory)
        out_size = ffi.new("size_t *")
        batch: list[bytes] = []
        it = enumerate(batch, 1)  # begins once the message is in it
        taken = memoryview(bytearray(2)).cast("H")
        while True:
            arguments = (handle,), (memory,), (size,), (slice_ns(deadline),), (out_size,)
            for status in map(_recv, *arguments):
                if not status:
                    batch += self._batch[self._taken[0] :]
                    # Of another size: the large one was given up, and this is the one behind it.
                    whole = in_place and out_size[0] == size
                    batch += (message if whole else window[: out_size[0]],)
                    self._batch = batch
                    self._taken = taken
                    self._it = it
                    return
            if status == _abi.SMIPC_E_BUFFER_TOO_SMALL:
                return
            self._go_on(status, deadline, NOTHING_CAME)

    def _has_fetched(self) -> bool:
        """Whether recv can hand out a message without asking the channel."""
        return self._pending is not None or bool(self._batch[self._taken[0] :])

    def _put_back(self, message: bytes) -> None:
        """Makes `message`, which was the last one received, the next one again."""
        while True:
            it, start = self._it, self._taken[0]
            batch = [message, *self._batch[start:]]
            fresh = enumerate(batch, 1)
            taken = memoryview(bytearray(2)).cast("H")
            if self._it is it and self._taken[0] == start:
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
