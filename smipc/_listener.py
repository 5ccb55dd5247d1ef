"""read_async: a thread that reads a channel and hands what it gets to a function.

While it runs the Channel refuses every other way of reading: its class is exchanged for one that
does, so that reading without a listener costs nothing for it.
"""

from __future__ import annotations

import threading

from smipc import _abi
from smipc._end import Quit
from smipc._status import Status, status_of
from smipc._timing import POLL, deadline_after, slice_ns
from smipc.errors import (
    BusyError,
    InvalidTypeError,
    OppositeEndClosedError,
    OppositeEndDiedError,
    SmipcError,
    TimedOutError,
    WrongEndError,
    kind_and_value,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    from typing_extensions import Self

    from smipc.channel import Channel

_STREAM_BYTES = 65536
_SUCCESSOR_POLL_S = 0.01

_READING = (
    "__next__",
    "fileno",
    "peek",
    "peek_array",
    "read",
    "recv",
    "recv_array",
    "recv_into",
    "recv_many",
    "recv_object",
)


class Listener:
    """What read_async returns. Also a context manager, which stops it on leaving."""

    def __init__(
        self,
        channel: Channel,
        callback: Callable[[bytes], object],
        on_error: Callable[[SmipcError], object] | None,
    ) -> None:
        for function in (callback, on_error):
            if not callable(function) and (function is not None or callback is None):
                kind = kind_and_value(function)
                raise channel._error(InvalidTypeError, f"a callback must be callable, not {kind}")
        self._channel = channel
        self._callback = callback
        self._on_error = on_error
        self._error: BaseException | None = None
        self._callback_failed = False
        self._room = memoryview(bytearray(_STREAM_BYTES if channel.framing == "stream" else 0))
        self._base = type(channel)
        self._ended = threading.Event()
        self._stopping = threading.Event()
        name = channel.cid.decode("utf-8", "backslashreplace")
        self._thread = threading.Thread(target=self._run, name=f"smipc {name}", daemon=True)

    @property
    def running(self) -> bool:
        """Whether the callback may still be called."""
        return not self._ended.is_set()

    @property
    def error(self) -> BaseException | None:
        """What ended it: OppositeEndClosedError, another error, or what the callback raised."""
        return self._error

    def wait(self, timeout: float | None = None) -> bool:
        """Waits until it has ended by itself. False: the timeout passed."""
        deadline = deadline_after(self._channel.cid, timeout)
        return self._ended.wait(None if deadline is None else slice_ns(deadline, deadline) / 1e9)

    def stop(self) -> None:
        """Ends it, and returns when the callback is over and will not be called again.

        What the callback was not given stays in the channel. Idempotent. The callback itself may
        call it: then it is the last call.
        """
        self._stopping.set()
        if self._channel._listener is self:
            self._channel._quitting.add(self._thread)
        if threading.current_thread() is not self._thread:
            self._thread.join()
            self._channel._quitting.discard(self._thread)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start(self) -> None:
        channel = self._channel
        channel._opened()
        if channel.mode == _abi.SMIPC_WRITER:
            raise channel._error(WrongEndError, "this end is the writer, and listeners read")
        try:
            channel._in_turn(POLL, self._take_over, None)
        except TimedOutError:
            text = "another thread is reading it"
            if channel._listener is not None:
                text = "a listener is reading it: stop it first"
            raise channel._error(BusyError, text) from None
        try:
            self._thread.start()
        except BaseException:
            self._leave()
            raise

    def _take_over(self, _: None, deadline: int | None) -> None:
        channel = self._channel
        channel._refuse_loan()
        channel._opened()
        channel._listener = self
        channel.__class__ = _refusing(self._base)

    def _leave(self) -> None:
        channel = self._channel
        if channel._listener is self:
            channel.__class__ = self._base
            channel._listener = None
            channel._quitting.discard(self._thread)
        self._ended.set()

    def _run(self) -> None:
        try:
            self._read_on()
        except Quit:
            pass
        except BaseException as raised:
            if not self._stopping.is_set():  # else it was closed under us
                self._error = raised
        finally:
            self._leave()
        problem = self._error
        if isinstance(problem, SmipcError) and not self._callback_failed and self._on_error:
            self._on_error(problem)
        elif problem is not None and (
            self._callback_failed or not isinstance(problem, OppositeEndClosedError)
        ):
            details = (type(problem), problem, problem.__traceback__, self._thread)
            threading.excepthook(threading.ExceptHookArgs(details))

    def _read_on(self) -> None:
        while not self._stopping.is_set():
            try:
                if self._channel.framing == "stream":
                    self._read_bytes()
                else:
                    self._read_messages()
            except OppositeEndDiedError as death:  # a successor may come
                dead = status_of(self._channel)
                if self._on_error is not None:
                    self._on_error(death)
                self._wait_for_successor(dead)

    def _wait_for_successor(self, dead: Status) -> None:
        """Until the writer is another one, which may have died too, or has left something."""
        while not self._stopping.wait(_SUCCESSOR_POLL_S):
            now = status_of(self._channel)
            is_another = now.writer_pid != dead.writer_pid or now.write_cursor != dead.write_cursor
            if is_another or now.writer_state != "died":
                return

    def _read_bytes(self) -> None:
        size = self._base._read_some(self._channel, self._room, None)
        self._hand_on(bytes(self._room[:size]))

    def _read_messages(self) -> None:
        channel = self._channel
        self._base._fill(channel, None)
        for count, message in channel._it:
            channel._taken[0] = count
            self._hand_on(message)
            if self._stopping.is_set():
                break

    def _hand_on(self, data: bytes) -> None:
        try:
            self._callback(data)
        except BaseException as problem:
            self._error = problem
            self._callback_failed = True
            raise Quit from None


_refusing_classes: dict[type[Any], type[Any]] = {}


def _refusing(base: type[Any]) -> type[Any]:
    """`base` with every way of reading refused."""
    known = _refusing_classes.get(base)
    if known is None:

        def refuse(self: Any, *_: object, **__: object) -> NoReturn:
            raise self._error(BusyError, "a listener is reading it: stop it first")

        body: dict[str, Any] = dict.fromkeys(_READING, refuse)
        known = type(base.__name__, (base,), {"__slots__": (), "__module__": "smipc", **body})
        _refusing_classes[base] = known
    return known
