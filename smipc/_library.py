"""What concerns the process as a whole: the log level, closing everything, leftovers, fork."""

from __future__ import annotations

import sys
from _weakref import ref  # the module weakref is this and a millisecond
from os import getpid

from smipc import _abi, _cleaning, _log
from smipc._buffers import whole_number
from smipc._native import ffi, lib
from smipc.errors import (
    InvalidArgumentError,
    InvalidTypeError,
    channel_text,
    check,
    kind_and_value,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from smipc.channel import Channel

# The Channels of this process.
_channels: dict[int, ref[Channel]] = {}
_follows_forks = False
_arranged_pid = 0
_hooked = False


def init_library(log_level: int = _log.LOG_DISABLE, *, logLevel: int | None = None) -> None:
    """Sets the log level: LOG_DISABLE (the default), LOG_BASIC: channels opening and closing, or
    LOG_ALL: also each read and write, of channels opened from now on.

    The lines go to logging.getLogger("smipc"), whose level is set to let them pass; where they end
    up is up to the program (logging.basicConfig, say). Optional, and callable again. (logLevel is
    log_level under its old name.)
    """
    given = log_level if logLevel is None else logLevel
    level = whole_number(b"", "log_level", given, _log.LOG_DISABLE, _log.LOG_ALL)
    check(lib.smipc_init(_abi.SMIPC_LOG_DISABLE))
    _log.set_level(level)


def clean_library() -> None:
    """Closes everything that this process has open: channels, circular buffers, semaphores, shared
    memory, locked structures. What other processes have open lives on. Channels and structures can
    be opened again."""
    close_all()
    _cleaning.close_all()
    check(lib.smipc_clean())


def clean_stale() -> int:
    """Removes what killed processes have left in shared memory; returns the number of objects.

    Channels with lifetime="kernel", and those of other users, are passed over.
    """
    removed = ffi.new("size_t *")
    check(lib.smipc_clean_stale(removed))
    return int(removed[0])


def unlink(cid: bytes | str) -> None:
    """Removes the name of a channel. Ends that are open go on with each other; whoever opens the
    name next creates a new channel. NotFoundError, AccessDeniedError, InvalidArgumentError."""
    name = name_of(cid)
    check(lib.smipc_channel_unlink(name, len(name)))


def name_of(cid: bytes | str) -> bytes:
    """A channel's name as bytes. InvalidTypeError, InvalidArgumentError."""
    if isinstance(cid, str):
        try:
            name = cid.encode()
        except UnicodeEncodeError:
            raise InvalidArgumentError(f"a cid that is no Unicode text: {cid!r}") from None
    elif isinstance(cid, bytes):
        name = bytes(cid)
    else:
        raise InvalidTypeError(f"a cid must be bytes or str, not {kind_and_value(cid)}")
    if not 1 <= len(name) <= _abi.SMIPC_MAX_NAME:
        raise InvalidArgumentError(
            channel_text(name, f"a cid has 1 to {_abi.SMIPC_MAX_NAME} bytes, not {len(name)}")
        )
    if b"\0" in name:
        raise InvalidArgumentError(channel_text(name, "a cid must not contain a NUL byte"))
    return name


def register(channel: Channel) -> None:
    """Of a new Channel: a forked child gets to know that it is the parent's."""
    global _follows_forks
    if not _follows_forks:
        import os

        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_after_fork)
        _follows_forks = True
    key = id(channel)

    def forget(gone: ref[Channel]) -> None:
        if _channels.get(key) is gone:
            del _channels[key]

    _channels[key] = ref(channel, forget)


def close_all() -> None:
    for reference in list(_channels.values()):
        channel = reference()
        if channel is not None:
            channel.close()


def arrange_exit() -> None:
    """When a Channel was opened: closes what is open when this process ends, also when it is a
    child of multiprocessing, which leaves without running atexit."""
    global _arranged_pid, _hooked
    if _arranged_pid == getpid():
        return
    if not _hooked:
        import atexit

        atexit.register(close_all)
        _hooked = True
    util = sys.modules.get("multiprocessing.util")
    if util is not None:
        util.Finalize(None, close_all, exitpriority=0)
    _arranged_pid = getpid()


def _after_fork() -> None:
    for reference in list(_channels.values()):
        channel = reference()
        if channel is not None:
            channel._after_fork()
