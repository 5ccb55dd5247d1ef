"""Channel: one end of a named channel, the writer's or the reader's."""

from __future__ import annotations

from _thread import get_ident

from smipc import _abi, _library, _log
from smipc._bound import ChannelCalls, no_send
from smipc._buffers import whole_number
from smipc._end import NO_HANDLE, NOTHING, lend, owned
from smipc._native import ffi, lib
from smipc._stream import Stream
from smipc._timing import SLICE, SPIN_SLICE, deadline_after, slice_ns
from smipc._views import Views
from smipc.errors import (
    BusyError,
    InvalidArgumentError,
    InvalidTypeError,
    check,
    kind_and_value,
    printable,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any, Literal

    from typing_extensions import Self

    from smipc._listener import Listener
    from smipc._status import Status
    from smipc.errors import SmipcError

    Framing = Literal["stream", "message"]
    Wait = Literal["spin", "hybrid", "block"]
    Lifetime = Literal["process", "kernel"]
    Access = Literal["user", "group", "all"]

CHAN_R = _abi.SMIPC_READER
CHAN_W = _abi.SMIPC_WRITER

# In the order of their numbers in the C ABI.
_FRAMINGS = ("stream", "message")
_WAITS = ("spin", "hybrid", "block")
_LIFETIMES = ("process", "kernel")
_ACCESSES = ("user", "group", "all")


def open_channel(
    cid: bytes | str,
    mode: int,
    chan_sz: int = 65536,
    *,
    framing: Framing = "stream",
    wait: Wait = "hybrid",
    lifetime: Lifetime = "process",
    access: Access = "user",
    chanSz: int | None = None,
) -> Channel:
    """Describes one end of a channel: `with` (or open()) opens what this returns.

    cid       its name: bytes, or str (then UTF-8), 1 to 200 bytes without NUL
    mode      CHAN_R or CHAN_W; a channel has one reader and one writer
    chan_sz   its capacity in bytes, of any size from 1. Whoever opens first creates the channel,
              and the second one's is ignored. (chanSz is the same under its old name.)
    framing   "stream": bytes, like a pipe, with write and read. "message": with send and recv.
              Both ends have to agree.
    wait      what this end does while it waits. "hybrid": spins up to 50 us, then sleeps. "spin":
              never sleeps. "block": sleeps at once.
    lifetime  "process": the channel is gone with its last end. "kernel": it stays until unlink.
              Counts at creation.
    access    "user": nobody else's processes can open it. "group", "all". Counts at creation.

    InvalidTypeError, InvalidArgumentError. The Channel may be pickled as long as it is not open, so
    it can be handed to a process of multiprocessing.
    """
    return Channel(
        cid, mode, chan_sz if chanSz is None else chanSz, framing, wait, lifetime, access
    )


class Channel(Views, Stream):
    """One end of a channel, from open_channel; open between open() and close(), or within `with`.

    Which of the methods fit depends on its mode and framing; the others raise WrongEndError or
    WrongFramingError. Any number of threads may use one Channel: their calls take turns. After
    fork, the child's calls raise ForkedError, until it opens the Channel for itself.
    """

    __slots__ = ()

    def __init__(
        self,
        cid: bytes | str,
        mode: int,
        chan_sz: int,
        framing: str,
        wait: str,
        lifetime: str,
        access: str,
    ) -> None:
        self._cid = name = _library.name_of(cid)
        self._mode = whole_number(name, "mode (CHAN_R or CHAN_W)", mode, CHAN_R, CHAN_W)
        self._chan_sz = whole_number(name, "chan_sz", chan_sz, 1, _abi.SMIPC_MAX_CAPACITY)
        self._framing = self._number_of("framing", framing, _FRAMINGS)
        self._wait = self._number_of("wait", wait, _WAITS)
        self._lifetime = self._number_of("lifetime", lifetime, _LIFETIMES)
        self._access = self._number_of("access", access, _ACCESSES)
        self._slice = SPIN_SLICE if wait == "spin" else SLICE
        self._orphan = False
        self._waiters = ()
        self._set_turn()
        self._set_unopened()
        _library.register(self)

    # ---- Opening and closing

    def open(self) -> Self:
        """Opens the end, creating the channel if it does not exist; never waits for the other end.

        BusyError (it is open already), EndTakenError (names the pid of the process that has this
        end), WrongFramingError, AccessDeniedError, NoSpaceError, OutOfMemoryError, LimitError,
        NotSmipcError, VersionError, CorruptError, SystemFailureError.
        """
        self._in_turn(None, self._open_in_turn, None)
        self._orphan = False
        _library.arrange_exit()
        _log.opened(self)
        return self

    def _open_in_turn(self, _: None, deadline: int | None) -> None:
        if self._handle:
            raise self._error(BusyError, "it is open already")
        options = ffi.new("smipc_channel_options *")
        lib.smipc_channel_options_init(options)
        options.framing, options.wait = self._framing, self._wait
        options.lifetime, options.access = self._lifetime, self._access
        out = ffi.new("smipc_channel **")
        handle = None
        try:
            name = self._cid
            check(lib.smipc_channel_open(name, len(name), self._mode, self._chan_sz, options, out))
            handle = owned(out[0])
            self._capacity = self._prepare(handle)
        except BaseException:
            if handle is None:  # interrupted at once
                lib.smipc_channel_free(out[0])
            self._set_unopened()  # nothing keeps the handle
            raise
        self._send_now = self._own_send
        self._sender = self._handle = handle

    def _prepare(self, handle: Any) -> int:
        """Sets up receiving; returns the channel's capacity."""
        if self._mode == CHAN_R and self._framing == _abi.SMIPC_MESSAGE:
            area = ffi.new("smipc_fetch_area *")
            check(lib.smipc_channel_fetch_open(handle, area))
            self._area = lend(handle, area.data, area.size)
            self._memory = memoryview(self._area)
            self._shared_taken = memoryview(lend(handle, area.taken, 2)).cast("H")
        calls = ChannelCalls(handle)
        self._own_send = calls.try_send
        self._calls, self._soon, self._now = calls.fetch_wait, calls.fetch_soon, calls.fetch_now
        status = ffi.new("smipc_channel_status *")
        status.struct_size = ffi.sizeof("smipc_channel_status")
        check(lib.smipc_channel_get_status(handle, status))
        return int(status.capacity_bytes)

    def close(self) -> None:
        """Closes the end. Idempotent, from any thread; calls that wait in it raise ClosedError.

        The other end can still read what was written. Messages that were fetched but not handed out
        yet stay in the channel. A listener is stopped; views from reserve and peek are released.
        """
        handle = self._handle
        if not handle:
            return
        if self._listener is not None:
            self._listener.stop()
        self._tell_waiters(False)
        check(lib.smipc_channel_close(handle))
        loan, self._loan = self._loan, None
        if loan is not None:
            loan.revoke()
        if self._owner == get_ident():  # a signal handler closes what it has interrupted
            self._it, self._batch = (), NOTHING
            self._calls = self._soon = self._now = ()
            self._send_now = self._own_send = no_send
            self._sender = self._handle = NO_HANDLE
        else:
            self._in_turn(None, self._forget, handle)
        self._tell_waiters(True)
        _log.closed(self)

    def _forget(self, handle: Any, deadline: int | None) -> None:
        if self._handle == handle:
            self._set_unopened()

    def __enter__(self) -> Self:
        """Opens it, unless it is open already."""
        return self if self._handle else self.open()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def unlink(self) -> None:
        """Removes the channel's name, as smipc.unlink does. Needs not be open."""
        _library.unlink(self._cid)

    # ---- Waiting and looking inside

    def flush(self, timeout: float | None = None) -> None:
        """A writer waits until the reader has taken everything that was written.

        TimedOutError, OppositeEndClosedError, OppositeEndDiedError, WrongEndError, ClosedError.
        """
        self._flush(deadline_after(self._cid, timeout))

    def _flush(self, deadline: int | None) -> None:
        handle = self._opened()
        while status := lib.smipc_channel_flush(handle, slice_ns(deadline, self._slice)):
            self._go_on(status, deadline, "the reader has not taken everything")

    def read_async(
        self,
        callback: Callable[[bytes], object],
        on_error: Callable[[SmipcError], object] | None = None,
    ) -> Listener:
        """Starts a thread that reads, and calls `callback(data)` with each message, or with the
        bytes that were there. Returns a Listener, whose stop() ends it.

        The listener ends when the writer closes. If the writer is killed it waits for a new one.
        `on_error(error)` is told about both, and about other errors; without it, those are given to
        threading.excepthook. An exception of the callback ends the listener and goes there, too.
        Until it has ended, other ways of reading raise BusyError.
        """
        from smipc._listener import Listener

        listener = Listener(self, callback, on_error)
        listener._start()
        return listener

    def fileno(self) -> int:
        """POSIX: a descriptor for select, poll and epoll, readable while this reader can be read
        without waiting. It belongs to the Channel: never read or close it.

        Call it before the first receive: BusyError while received messages are waiting to be handed
        out. From then on receiving takes one message at a time. WrongEndError, ClosedError,
        LimitError, UnsupportedError.
        """
        if self._has_fetched():
            raise self._error(
                BusyError, "received messages wait to be handed out: take them first (recv_many)"
            )
        return self._descriptor()

    def status(self) -> Status:
        """What the channel looks like at the moment. Never waits; works on a closed Channel."""
        from smipc._status import status_of

        return status_of(self)

    def print_status(self) -> None:
        """Prints the status in one line."""
        print(self.status())

    # ---- What it is

    @property
    def cid(self) -> bytes:
        """The name, as bytes."""
        return self._cid

    @property
    def mode(self) -> int:
        """CHAN_R or CHAN_W."""
        return self._mode

    @property
    def chan_sz(self) -> int:
        """The capacity asked for; status().capacity_bytes is what the channel has."""
        return self._chan_sz

    @property
    def framing(self) -> str:
        """Its framing: "stream" or "message"."""
        return _FRAMINGS[self._framing]

    @property
    def wait(self) -> str:
        """What this end does while it waits: "hybrid", "spin" or "block"."""
        return _WAITS[self._wait]

    @property
    def lifetime(self) -> str:
        """How long it lives, as asked for: "process" or "kernel"."""
        return _LIFETIMES[self._lifetime]

    @property
    def access(self) -> str:
        """Who may open it, as asked for: "user", "group" or "all"."""
        return _ACCESSES[self._access]

    @property
    def is_open(self) -> bool:
        """Whether this end is open, in this process."""
        return bool(self._handle)

    def __repr__(self) -> str:
        end = "writer" if self._mode == CHAN_W else "reader"
        state = "open" if self._handle else "not open"
        return f"<smipc.Channel '{printable(self._cid)}' {self.framing} {end}, {state}>"

    def __reduce__(self) -> tuple[Any, ...]:
        if self._handle:
            raise self._error(
                InvalidTypeError, "an open Channel cannot be pickled: hand it on before opening it"
            )
        words = (self.framing, self.wait, self.lifetime, self.access)
        return type(self), (self._cid, self._mode, self._chan_sz, *words)

    def _number_of(self, what: str, word: str, words: tuple[str, ...]) -> int:
        if not isinstance(word, str):
            kind = kind_and_value(word)
            raise self._error(InvalidTypeError, f"{what} must be one of {words}, not {kind}")
        if word not in words:
            raise self._error(InvalidArgumentError, f"{what} must be one of {words}: {word!r}")
        return words.index(word)

    def _tell_waiters(self, is_closed: bool) -> None:
        for reference in self._waiters:
            readiness = reference()
            if readiness is not None:
                readiness.channel_closes(is_closed)

    def _after_fork(self) -> None:
        """In a forked child: the end is the parent's, and so is who had the turn."""
        if self._listener is not None:
            self.__class__ = self._listener._base
        if self._loan is not None:
            self._loan.revoke()
        self._waiters = ()
        self._orphan = self._orphan or bool(self._handle)
        self._set_turn()
        self._set_unopened()
