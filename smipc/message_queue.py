"""NamedMessageQueue: many senders, many receivers, priorities; of smipc's own, in shared memory."""

from __future__ import annotations

from sys import version_info
from threading import local

from smipc import _abi
from smipc._bound import QueueCalls, no_send
from smipc._buffers import pointer, readable, unpin
from smipc._flags import Flags, WrongTypeError
from smipc._named import NamedObject
from smipc._native import ffi, lib
from smipc._timing import POLL, SLICE, has_passed, slice_ns
from smipc.errors import (
    InvalidArgumentError,
    InvalidTypeError,
    OutOfMemoryError,
    check,
    error,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _weakref import ref
    from collections.abc import Callable, Iterable
    from typing import Any

    from typing_extensions import Buffer, Self

    from smipc._notification import Notification
    from smipc._readiness import Readiness

_GO_ON = (_abi.SMIPC_E_TIMED_OUT, _abi.SMIPC_E_INTERRUPTED)
_TOO_SMALL = _abi.SMIPC_E_BUFFER_TOO_SMALL
_HIGHEST = (1 << 32) - 1
# How often an event loop's task looks before it goes to the loop: some 5 us, against 40 of a round.
_SPINS = 300

_send: Any = lib.smipc_message_queue_send
_fetch: Any = lib.smipc_message_queue_fetch
_receive: Any = lib.smipc_message_queue_receive

# What a fetch returns: the size and, above these bits, the priority.
_ROOM = _abi.SMIPC_QUEUE_AREA_SIZE
_SIZE_BITS = _abi.SMIPC_QUEUE_SIZE_BITS
_SIZE = (1 << _SIZE_BITS) - 1
# From here on both are there. CPython 3.10 looks for signals on a jump that is taken, and must not
# have one on its way to a message.
_COMPOSED = _ROOM + 1 if version_info >= (3, 11) else 0

_uninitialised: Any = ffi.new_allocator(should_clear_after_alloc=False)

# What a thread fetches into when it cannot have the queue's own memory, or does not wait: as a
# buffer, and as the arguments of a fetch.
_threads = local()


def _make_area() -> tuple[Any, tuple[Any]]:
    raw = ffi.new("uint64_t[]", _ROOM // 8)
    area = _threads.area = (ffi.buffer(raw), (raw,))
    return area


class NamedMessageQueue(NamedObject):
    """A queue of messages with priorities, for any number of senders and receivers.

        with NamedMessageQueue("/jobs", handle_existence=Flags.LINK_OR_CREATE) as queue:
            queue.send(b"paint", priority=5)
            message, priority = queue.receive()

    A new one has room for `max_messages` of up to `max_message_size` bytes, and all of its memory
    at once; of an existing one both are as it has them. `read` and `write` say what this handle may
    be used for. A new one is open to this user only. By default the handle that created it removes
    its name when it is deleted; others go on with what they have open.

    Any number of threads may use it, and it can be given to a child by multiprocessing. A forked
    child gets a ForkedError. What a killed process was about to send is not there; what it was
    about to receive comes again, at its place.

    FileExistsError, FileNotFoundError, PermissionError, ValueError as their names say;
    NoSpaceError, and LimitError when it is open 1024 times.
    """

    __slots__ = (
        "_block",
        "_max_message_size",
        "_max_messages",
        "_notification",
        "_read",
        "_send_now",
        "_spare_fetch",
        "_waiters",
        "_write",
    )

    _what = "message queue"
    _prefix = "smipc_message_queue"

    _waiters: tuple[ref[Readiness], ...]  # those of event loops
    _notification: Notification | None
    _send_now: Callable[[bytes], int]  # see _bound.py
    # Fetches that wait, and the memory that they fill: None while a thread uses them.
    _spare_fetch: tuple[Iterable[int], Any] | None

    def __init__(
        self,
        name: str | bytes,
        max_messages: int = 10,
        max_message_size: int = 8192,
        read: bool = True,
        write: bool = True,
        handle_existence: Flags = Flags.RAISE_IF_NOT_EXISTS,
        unlink_on_delete: bool | None = None,
    ) -> None:
        self._send_now = no_send
        self._spare_fetch = None
        self._waiters = ()
        self._notification = None
        super().__init__(name, handle_existence, unlink_on_delete)
        messages = self._number("max_messages", max_messages, 1, _abi.SMIPC_MAX_QUEUE_MESSAGES)
        largest = _abi.SMIPC_MAX_QUEUE_MESSAGE_SIZE
        size = self._number("max_message_size", max_message_size, 1, largest)
        self._read = self._yes_or_no("read", read)
        self._write = self._yes_or_no("write", write)
        if not read and not write:
            raise self._error(InvalidArgumentError, "read and write are both False")
        self._block = True
        directions = read * _abi.SMIPC_QUEUE_RECEIVE + write * _abi.SMIPC_QUEUE_SEND
        self._open(handle_existence, unlink_on_delete, messages, size, directions)
        status = self._status()
        self._max_messages = int(status.max_messages)
        self._max_message_size = int(status.max_message_size)
        area = _uninitialised("uint64_t[]", _ROOM // 8)
        calls = QueueCalls(self._handle, area)
        self._send_now = calls.try_send
        self._spare_fetch = calls.fetch_wait, ffi.buffer(area)

    # ---- Sending and receiving ------------------------------------------------------------------

    def send(self, message: Buffer | str, timeout: float | None = None, priority: int = 0) -> bool:
        """Sends bytes, anything bytes-like, or a str as UTF-8; it is sent whole or not at all.

        Waits while the queue is full: `timeout` seconds, or for ever when that is None. False: the
        timeout passed (or `block` is False), and it was not sent. The highest `priority` (0 to
        4294967295) is received first, and within one what was sent first. When a signal handler
        raises during the call, it was sent or not.

        ValueError: it is larger than `max_message_size`; PermissionError: opened with write=False;
        ClosedError, ForkedError, CorruptError.
        """
        if type(message) is bytes and timeout is None and type(priority) is int and not priority:
            send = self._send_now
            if not send(message):
                return True
        return self._send_slowly(message, timeout, priority)

    def _send_slowly(self, message: Buffer | str, timeout: float | None, priority: int) -> bool:
        level = self._number("priority", priority, 0, _HIGHEST)
        deadline = self._call_deadline(timeout)
        pinned = pointer(self._data_of(message))
        try:
            handle = self._opened()
            while status := _send(handle, pinned, len(pinned), level, slice_ns(deadline)):
                if status not in _GO_ON:
                    raise error(status)
                if has_passed(deadline):
                    return False
            return True
        finally:
            unpin(pinned)

    def receive(self, timeout: float | None = None) -> tuple[bytes, int] | None:
        """Receives the next message, and its priority.

        Waits while the queue is empty: `timeout` seconds, or for ever when that is None. None: the
        timeout passed (or `block` is False). A signal handler that raises (Ctrl-C does) ends the
        wait, and no message is lost.

        PermissionError: opened with read=False; ClosedError, ForkedError, CorruptError.
        """
        if timeout is None and self._block:
            # A message is not lost to a signal between two steps: see _end.py.
            spare = self._spare_fetch
            self._spare_fetch = None
            if spare is not None:
                steps, window = spare
                try:
                    for size in steps:
                        if size >= _COMPOSED:
                            message = window[: size & _SIZE], size >> _SIZE_BITS
                            self._spare_fetch = spare
                            return message
                        if size >= 0:
                            message = window[:size], 0
                            self._spare_fetch = spare
                            return message
                        break
                except BaseException:
                    self._spare_fetch = spare
                    raise
                self._spare_fetch = spare
        for result in map(self._receive_slowly, (self._call_deadline(timeout),)):
            return result
        raise AssertionError("unreachable")

    def _receive_slowly(self, deadline: int | None) -> tuple[bytes, int] | None:
        handle = self._opened()
        try:
            area = _threads.area
        except AttributeError:
            area = _make_area()
        window, arguments = area
        while True:
            for size in map(_fetch, (handle,), arguments, (slice_ns(deadline),)):
                announced = arguments[0][0]  # now: a signal handler may receive into the area, too
                if size >= 0:
                    return window[: size & _SIZE], size >> _SIZE_BITS
            if size == _TOO_SMALL:
                for message in map(self._receive_large, (handle,), (announced,)):
                    if message is not None:
                        return message
                continue
            if size not in _GO_ON:
                raise error(size)
            if has_passed(deadline):
                return None

    def _receive_large(self, handle: Any, size: int) -> tuple[bytes, int] | None:
        """Receives the next message if it has at most `size` bytes, which it had a moment ago."""
        # The new bytes object is nobody else's yet, so that it may be filled in place.
        try:
            message = bytes(size)
        except (MemoryError, OverflowError):
            raise self._error(
                OutOfMemoryError, f"there is no memory for a message of {size} bytes"
            ) from None
        memory = pointer(message)
        out_size = ffi.new("size_t *")
        priority = ffi.new("uint32_t *")
        given = (handle,), (memory,), (size,), (POLL,), (out_size,), (priority,)
        for status in map(_receive, *given):
            if not status:
                # No jump, as above; and no copy, where that is all of it.
                return message[: out_size[0]], priority[0]
        if status != _TOO_SMALL and status not in _GO_ON:
            raise error(status)
        return None

    # ---- What it is -----------------------------------------------------------------------------

    @property
    def block(self) -> bool:
        """Whether send and receive wait when they are given no timeout. True at first."""
        return self._block

    @block.setter
    def block(self, value: bool) -> None:
        self._block = self._yes_or_no("block", value)

    @property
    def current_messages(self) -> int:
        """How many messages can be received, as of now. ClosedError."""
        return int(self._status().current_messages)

    @property
    def max_messages(self) -> int:
        """How many messages it has room for."""
        return self._max_messages

    @property
    def max_message_size(self) -> int:
        """The most bytes that a message can have."""
        return self._max_message_size

    @property
    def read(self) -> bool:
        """Whether this handle may receive."""
        return self._read

    @property
    def write(self) -> bool:
        """Whether this handle may send."""
        return self._write

    def fileno(self) -> int:
        """A descriptor for select, poll and epoll, readable while there is a message; not to be
        read or closed. When others have emptied the queue it may stay readable until this handle
        finds nothing: so receive(0) after it. UnsupportedError on Windows; ClosedError."""
        return self._descriptor()

    def request_notification(
        self, notification: int | tuple[Callable[[Any], object], Any] | None = None
    ) -> None:
        """Tells this process, once, when a message comes while the queue is empty.

        A number: the signal that is sent to this process. (function, param): function(param) is
        called, on a thread of its own. None: not any more. A new request replaces the last one, and
        each process may make its own. After one has been told, request the next one first, then
        receive everything there is. ValueError: no such signal; ClosedError, ForkedError.
        """
        from smipc._notification import Notification, checked_notification

        tell = checked_notification(self, notification)
        self._status()  # refuses a closed one, and a forked child
        previous, self._notification = self._notification, None
        if previous is not None:
            previous.cancel()
        if tell is not None:
            self._notification = Notification(self._handle, tell)

    def close(self) -> None:
        """Ends the use of the queue by this handle, and the waits of other threads in it with a
        ClosedError. The name stays until the handle is deleted. Idempotent."""
        if not self._is_open:
            return
        self._send_now = no_send
        if self._notification is not None:
            self._notification.cancel()
            self._notification = None
        self._tell_waiters(False)
        super().close()
        self._tell_waiters(True)

    def __enter__(self) -> Self:
        self._opened()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        """In another process: a handle to the same queue, which does not unlink it."""
        given = (self._name, 10, 8192, self._read, self._write, Flags.RAISE_IF_NOT_EXISTS, False)
        return type(self), given

    # ---- Below ----------------------------------------------------------------------------------

    def _status(self) -> Any:
        status = ffi.new("smipc_message_queue_status *")
        status.struct_size = ffi.sizeof("smipc_message_queue_status")
        check(lib.smipc_message_queue_get_status(self._opened(), status))
        return status

    def _call_deadline(self, timeout: float | None) -> int | None:
        if timeout is None and not self._block:
            return POLL
        return self._deadline(timeout)

    def _data_of(self, message: Buffer | str) -> bytes | memoryview:
        if isinstance(message, str):
            try:
                return message.encode()
            except UnicodeEncodeError as wrong:
                raise self._error(InvalidArgumentError, f"no Unicode text: {wrong}") from None
        try:
            return readable(b"", message)
        except InvalidTypeError as wrong:
            raise WrongTypeError(f"{self._what} '{self._name}': {wrong}, or a str") from None
        except InvalidArgumentError as wrong:
            raise self._error(InvalidArgumentError, str(wrong)) from None

    def _tell_waiters(self, is_closed: bool) -> None:
        for reference in self._waiters:
            readiness = reference()
            if readiness is not None:
                readiness.channel_closes(is_closed)

    # What _readiness.py asks for.

    def _has_fetched(self) -> bool:
        return False

    def _descriptor(self) -> int:
        out = ffi.new("int32_t *")
        check(lib.smipc_message_queue_fd(self._opened(), out))
        return int(out[0])

    def _arm(self, handle: Any) -> int:
        return lib.smipc_message_queue_fd_arm(handle, _SPINS)  # type: ignore[no-any-return]

    def _wait_a_slice(self, handle: Any) -> int:
        return lib.smipc_message_queue_wait(handle, SLICE)  # type: ignore[no-any-return]
