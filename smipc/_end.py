"""What a Channel holds, and how its callers take turns: the base of Inbox, Outbox and Stream.

Signals. A Python signal handler may raise between almost any two steps of Python code, and what a
native call has just taken off the channel must not be lost then. CPython looks for signals after a
CALL instruction, on jumps (3.10: on most that are taken; later: backwards) and on entering a Python
function (3.10: also on returning to one), but not when a `for` takes the next item. So the calls
that matter are made by iterators:

    for status in map(receive, (handle,), (pointer,)):
        if not status: ...

Nothing can come between the call and the store of its result; what follows, up to the return or
the store that makes the result safe, has no calls and no jumps. This is what looks odd in these
modules.
A store that drops the last reference to something runs its destructor: those of what is dropped on
these paths are no Python functions (keeper_of).
Besides, CPython 3.10 looks for signals on entering an `except` or `finally`, and 3.13 may leave the
jump at the end of a loop out of the `try` around the loop: what must be given back whatever happens
is given back by a function that calls the one with the loop, and by two handlers.

Threads. Native calls of one handle are serialised by the native lock. What Python adds around them
(a fetch and the reading of what it fetched, the slices of a long send) is serialised by the turn of
this module. Plain loads and stores in a row that contain none of the above cannot be torn apart by
another thread either, and the fast paths live on that. But CPython up to 3.11 collects garbage in
the middle of allocating a container, a slice for one, and finalizers are Python code: what is
decided by such an expression is decided while _busy says FETCHING, or looked at again after it.
"""

from __future__ import annotations

from _thread import allocate_lock, get_ident
from itertools import repeat
from os import getpid
from time import sleep

from smipc import _abi
from smipc._bound import keeper_of, no_send
from smipc._native import ffi, lib
from smipc._timing import has_passed, slice_ns, timed_out
from smipc.errors import (
    BusyError,
    ClosedError,
    ForkedError,
    SmipcError,
    channel_text,
    error,
    make,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _weakref import ref
    from collections.abc import Callable, Iterable, Iterator
    from threading import Thread
    from typing import Any, TypeVar

    from smipc._listener import Listener
    from smipc._loans import Loan
    from smipc._readiness import Readiness

    T = TypeVar("T")
    Given = TypeVar("Given")

NO_HANDLE: Any = ffi.NULL

# The batch when there is none. Never changed.
NOTHING: list[bytes] = []

# Values of _busy, beside None (free) and the result of a fetch that has not been read from the area
# yet. They are no results.
FETCHING = -1001  # a fetch of the fast path is in flight
HELD = -1002  # a thread has the turn
# What _busy becomes of FETCHING when the hand-out is looked at under it, by whether that is empty.
# An index, since CPython 3.10 looks for signals on a jump.
CLAIM = (None, FETCHING)

_TIMED_OUT = _abi.SMIPC_E_TIMED_OUT
_INTERRUPTED = _abi.SMIPC_E_INTERRUPTED


class Quit(BaseException):
    """Leads a thread of smipc's own out of its wait. Users never see it."""


def lend(handle: Any, pointer: Any, size: int) -> Any:
    """A cffi buffer of memory that belongs to a handle, which is not freed while it, or any view of
    it, exists."""
    return ffi.buffer(ffi.gc(ffi.cast("char *", pointer), keeper_of(handle)), size)


def owned(raw: Any) -> Any:
    """A native handle that is freed with its last reference, but never in a forked child."""
    pid = getpid()

    def free(handle: Any) -> None:
        if getpid() == pid:
            lib.smipc_channel_free(handle)

    return ffi.gc(raw, free)


class End:
    """The state of a Channel. Private: users see smipc.Channel."""

    __slots__ = (
        "__weakref__",
        "_access",
        "_area",
        "_array_kind",
        "_batch",
        "_busy",
        "_calls",
        "_capacity",
        "_chan_sz",
        "_cid",
        "_framing",
        "_handle",
        "_it",
        "_lifetime",
        "_listener",
        "_loan",
        "_memory",
        "_mode",
        "_now",
        "_orphan",
        "_own_send",
        "_owner",
        "_pending",
        "_quitting",
        "_release",
        "_send_now",
        "_sender",
        "_shared_taken",
        "_slice",
        "_soon",
        "_spare",
        "_taken",
        "_turn",
        "_wait",
        "_waiters",
    )

    # As given to open_channel, the words already numbers.
    _cid: bytes
    _mode: int
    _chan_sz: int
    _framing: int
    _slice: int  # how long a native call may wait: see _timing.py
    _wait: int
    _lifetime: int
    _access: int

    _handle: Any  # NO_HANDLE while not open
    _orphan: bool  # it was open when this process was forked off
    _capacity: int  # of the open channel: its creator's chan_sz
    _waiters: tuple[ref[Readiness], ...]  # those of event loops
    _listener: Listener | None
    _loan: Loan | None  # the reservation or the borrow that is out

    # The turn.
    _turn: Any  # a lock
    _owner: int  # the thread that has it, or 0
    _quitting: set[Thread]  # that are to leave their waits
    _busy: int | None
    _release: Iterator[None]  # each step of it gives the lock back

    # A writer.
    _send_now: Callable[[bytes], int]  # see _bound.py; no_send while a message is sent in slices
    _sender: Any  # likewise the handle, for other fast sends; then NO_HANDLE
    _own_send: Callable[[bytes], int]  # what _send_now is otherwise; no_send while not open

    # An empty list and its append; None while a send_object uses them.
    _spare: tuple[list[Any], Any] | None

    # A reader: the hand-out. Fetched messages are _batch[_taken[0]:], and _it yields pairs of a
    # message and the count that _taken[0] must get just before the message is handed on. The native
    # reading calls change _taken[0], so before each of them _batch, which is through, is dropped.
    _it: Iterable[tuple[int, bytes]]
    _batch: list[bytes]
    _taken: memoryview
    _shared_taken: memoryview  # in the segment: what a successor of this reader starts from
    _pending: int | None  # while the turn is taken, what _busy was: None, or a fetch to be read
    _calls: Iterable[int]  # each step of it is a fetch; empty: the fast path is closed
    _soon: Iterable[int]  # the same with a deadline of SOON, for as long as _calls is not empty
    _now: Iterable[int]  # and of POLL
    _area: Any  # what fetches fill, as a cffi buffer
    _memory: memoryview  # the same
    _array_kind: Any  # what recv_array expects next, or None: see _arrays.py

    def _set_unopened(self) -> None:
        """Everything that belongs to an open end, gone."""
        self._it = ()
        self._batch = NOTHING
        self._calls = self._soon = self._now = ()
        self._pending = None
        self._send_now = self._own_send = no_send
        self._sender = self._handle = NO_HANDLE
        self._spare = None
        self._taken = self._shared_taken = memoryview(bytearray(2)).cast("H")
        self._area = None
        self._memory = memoryview(b"")
        self._array_kind = None
        self._busy = None
        self._loan = None
        self._listener = None
        self._capacity = 0

    def _set_turn(self) -> None:
        self._turn = allocate_lock()
        self._owner = 0
        self._quitting = set()
        nothing: Iterator[None] = repeat(None)
        self._release = map(self._turn.__exit__, nothing, nothing, nothing)

    def _in_turn(
        self, deadline: int | None, work: Callable[[Given, int | None], T], given: Given
    ) -> T:
        """What work(given, deadline) returns, called when it is this thread's turn.

        Errors of `work`, and BusyError: a signal handler calls what it has interrupted.
        """
        for _ in map(self._enter, (deadline,)):
            held = True
            try:
                try:
                    for result in map(work, (given,), (deadline,)):
                        self._owner = 0
                        self._busy = self._pending
                        for _ in self._release:
                            return result
                except BaseException:
                    self._owner = 0
                    self._busy = self._pending
                    held = False
                    self._turn.release()
                    raise
            except BaseException:
                # CPython 3.10 also looks for signals on entering a handler: the one above may have
                # been left before its first step.
                if held:
                    self._owner = 0
                    self._busy = self._pending
                    self._turn.release()
                raise
        raise AssertionError("unreachable")

    def _enter(self, deadline: int | None) -> None:
        """Takes the turn, which the caller gives back."""
        me = get_ident()
        if self._owner == me:
            raise self._error(BusyError, "called again by a signal handler while it is in use")
        pause = 0.0
        while True:
            for mine in map(self._turn.acquire, (True,), (pause,)):
                if mine:
                    if self._busy != FETCHING:
                        self._owner = me
                        self._pending = self._busy
                        self._busy = HELD
                        return
                    # The fast path of another thread is under way. It is closed from here on, and
                    # the call in flight takes one slice at most.
                    self._calls = ()
                    self._turn.release()
                    sleep(0.0005)
            if has_passed(deadline):
                raise timed_out(self._cid, "another thread is using the channel")
            self._leave_if_quitting()
            pause = max(0, slice_ns(deadline)) / 1e9

    def _go_on(self, status: int, deadline: int | None, problem: str) -> None:
        """After a native call that came to nothing: returns if it is to be made again.

        TimedOutError, saying `problem`, when the deadline has passed; the status's own error.
        """
        if status != _TIMED_OUT and status != _INTERRUPTED:
            raise error(status)
        if has_passed(deadline):
            raise timed_out(self._cid, problem)
        self._leave_if_quitting()

    def _leave_if_quitting(self) -> None:
        if self._quitting:
            from threading import current_thread

            if current_thread() in self._quitting:
                raise Quit

    def _opened(self) -> Any:
        """The native handle. ClosedError, ForkedError."""
        handle = self._handle
        if not handle:
            raise self._not_open()
        return handle

    def _not_open(self) -> SmipcError:
        if self._orphan:
            return self._error(
                ForkedError, "it was opened by the parent process, before fork: open it here"
            )
        return self._error(ClosedError, "it is not open")

    def _error(self, kind: type[SmipcError], text: str) -> SmipcError:
        return make(kind, channel_text(self._cid, text))

    def _refuse_loan(self) -> None:
        if self._loan is not None:
            raise self._error(BusyError, f"{self._loan.what} is open: leave it first")
