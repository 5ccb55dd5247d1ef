"""Sending messages: the writer's half of a message channel."""

from __future__ import annotations

from smipc import _abi
from smipc._bound import no_send
from smipc._buffers import one_by_one, readable, unpin
from smipc._end import NO_HANDLE, End
from smipc._marshal import dumps
from smipc._native import ffi, lib
from smipc._placing import native_parts
from smipc._timing import deadline_after, has_passed, is_timeout, slice_ns
from smipc.errors import SmipcError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from typing_extensions import Buffer

_send_parts: Any = lib.smipc_channel_send_parts
_send_list: Any = lib.smipc_channel_send_list
_send_list_wait: Any = lib.smipc_channel_send_list_wait

_INVALID = _abi.SMIPC_E_INVALID

# So many messages at most go into one list for the library: the list is a copy of them.
_LIST_LENGTH = 1024


class Outbox(End):
    __slots__ = ()

    def send(self, data: Buffer, timeout: float | None = None) -> None:
        """Sends one message: bytes or any contiguous bytes-like object, which may be empty.

        Waits up to `timeout` seconds (None: for ever, 0: not at all) while there is no room. It is
        sent whole or not at all, and when this returns the data may be changed. A message larger
        than the channel passes in pieces while the reader takes it, and this returns when it has.
        Any number of threads may send to one Channel. When a signal handler raises during the call,
        the message may have gone or not.

        TimedOutError, OppositeEndClosedError, OppositeEndDiedError, WrongEndError,
        WrongFramingError, ClosedError, BusyError (a reservation is open), InvalidTypeError.
        """
        if type(data) is bytes and (timeout is None or is_timeout(timeout)):
            send = self._send_now
            if not send(data):
                return
        self._send_all((readable(self._cid, data),), deadline_after(self._cid, timeout))

    def send_many(self, messages: Iterable[Buffer], timeout: float | None = None) -> None:
        """Sends messages in order, at a fraction of the cost of sending them one by one.

        `timeout` is for all of them together. An error in the middle says in `transferred` how many
        have gone: those, and no others. Errors as for send.
        """
        sent = 0
        if isinstance(messages, list):
            items = messages
            if timeout is None and len(items) <= _LIST_LENGTH:
                # The fast path, without the turn.
                try:
                    blob = dumps(items, 2)
                except ValueError:
                    pass
                else:
                    sent = _send_list_wait(self._sender, blob, len(blob))
                    if sent == len(items):
                        return
                    sent = max(sent, 0)  # what is wrong is met again
        else:
            items = one_by_one(self._cid, "messages", messages)
        deadline = deadline_after(self._cid, timeout)
        try:
            while sent < len(items):
                sent += self._send_some(items[sent : sent + _LIST_LENGTH], deadline)
        except SmipcError as problem:
            problem.transferred += sent
            raise

    def _send_some(self, items: list[Buffer], deadline: int | None) -> int:
        """Sends the first items, as many as go in one list; returns how many."""
        try:
            blob = dumps(items, 2)
        except ValueError:  # something is not bytes-like, not contiguous, or beyond 2 GiB
            self._send_all((readable(self._cid, items[0]),), deadline)
            return 1
        index = ffi.new("size_t *")
        try:
            self._in_turn(deadline, self._send_list, (items, blob, index))
        except SmipcError as problem:
            problem.transferred = index[0]
            raise
        if index[0] == 0:
            # The first one cannot be sent in a list: because it is not bytes-like, which gets it
            # its own error here, or because it takes longer than a slice.
            self._send_all((readable(self._cid, items[0]),), deadline)
            return 1
        return int(index[0])

    def _send_list(self, given: tuple[list[Buffer], bytes, Any], deadline: int | None) -> None:
        items, blob, index = given
        handle = self._opened()
        while status := _send_list(handle, blob, len(blob), slice_ns(deadline, self._slice), index):
            if status == _INVALID or self._is_large(items[index[0]]):
                return
            self._go_on(status, deadline, "no room for all messages")

    def _is_large(self, item: Buffer) -> bool:
        """Also of what is no buffer, though it can be in a list: sent alone, it gets its error."""
        try:
            with memoryview(item) as view:
                return view.nbytes > self._capacity
        except (TypeError, ValueError, BufferError):
            return True

    def _send_all(self, buffers: Sequence[bytes | memoryview], deadline: int | None) -> None:
        """Sends the buffers, one after the other, as one message."""
        parts, pins = native_parts(buffers)
        try:
            self._in_turn(deadline, self._send_message, (parts, len(pins), sum(map(len, pins))))
        except BaseException:
            unpin(*pins)
            raise

    def _send_message(self, given: tuple[Any, int, int], deadline: int | None) -> None:
        parts, count, size = given
        handle = self._opened()
        done = ffi.new("uint64_t *")
        # A message that is larger than the channel is given up when another is begun before all of
        # it has gone: other threads have to wait for their turn.
        self._send_now, self._sender = no_send, NO_HANDLE
        try:
            self._send_slices(handle, parts, count, size, deadline, done)
        finally:
            self._send_now, self._sender = self._own_send, self._handle

    def _send_slices(
        self, handle: Any, parts: Any, count: int, size: int, deadline: int | None, done: Any
    ) -> None:
        while status := _send_parts(handle, parts, count, slice_ns(deadline, self._slice), done):
            if status == _INVALID and done[0]:
                done[0] = 0  # a fast send slipped in between: again from the start
                continue
            if done[0] > size and has_passed(deadline):
                return  # all of it is in the channel, and taking it is up to the reader
            self._go_on(status, deadline, f"no room for a message of {size} bytes")
