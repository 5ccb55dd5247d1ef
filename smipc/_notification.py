"""Telling a process that a message has come into an empty queue: by a signal, or by a call."""

from __future__ import annotations

import os
import signal
import sys
import threading

from smipc import _abi
from smipc._flags import WrongTypeError
from smipc._native import ffi, lib
from smipc._timing import SLICE
from smipc.errors import InvalidArgumentError, kind_and_value, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from smipc.message_queue import NamedMessageQueue

_GO_ON = (_abi.SMIPC_E_TIMED_OUT, _abi.SMIPC_E_INTERRUPTED)


def checked_notification(
    queue: NamedMessageQueue, notification: Any
) -> Callable[[], object] | None:
    """What request_notification was given, as what is to be called."""
    if notification is None:
        return None
    if isinstance(notification, tuple):
        if len(notification) == 2 and callable(notification[0]):
            function, param = notification
            return lambda: function(param)
    elif isinstance(notification, int) and not isinstance(notification, bool):
        if notification in signal.valid_signals():
            return lambda: _send_signal(notification)
        raise queue._error(InvalidArgumentError, f"there is no signal {shown(int(notification))}")
    raise WrongTypeError(
        f"message queue '{queue.name}': a notification is None, a signal's number, or a tuple"
        f" (function, param), not {kind_and_value(notification)}"
    )


class Notification:
    """One request: a thread that waits for one arrival."""

    def __init__(self, handle: Any, tell: Callable[[], object]) -> None:
        self._handle = handle
        self._tell = tell
        self._lock = threading.Lock()
        self._is_wanted = True
        # What has come before this does not count.
        self._arrivals = ffi.new("uint32_t *")
        lib.smipc_message_queue_wait_arrival(handle, 0, self._arrivals)
        threading.Thread(target=self._run, name="smipc notification", daemon=True).start()

    def cancel(self) -> None:
        with self._lock:
            self._is_wanted = False

    def _run(self) -> None:
        status = _GO_ON[0]
        while status in _GO_ON and self._is_wanted:
            status = lib.smipc_message_queue_wait_arrival(self._handle, SLICE, self._arrivals)
        with self._lock:
            told = self._is_wanted and not status
            self._is_wanted = False
        if told:
            self._tell()


def _send_signal(number: int) -> None:
    if sys.platform == "win32":
        signal.raise_signal(number)
    else:
        os.kill(os.getpid(), number)
