"""What can go wrong: one exception class per status of the C ABI, and the table between them.

Every class is a SmipcError and, where Python has one that fits, also that built-in, so that
`except TimeoutError` works for those who do not know smipc. The text names the channel and the
value that was wrong.
"""

from __future__ import annotations

import errno
import io

from smipc import _abi
from smipc._native import last_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar


class SmipcError(Exception):
    """Base of all errors of smipc. `status` is the status of the C ABI.

    `transferred` says how much of a transfer in pieces has gone: bytes of a `write` larger than the
    channel, messages of a `send_many`. Otherwise it is 0.
    """

    status: ClassVar[int] = _abi.SMIPC_OK
    transferred: int = 0
    _errno: ClassVar[int] = 0  # for those that are an OSError with a number

    def __str__(self) -> str:
        return str(self.args[-1]) if self.args else ""


class InvalidArgumentError(SmipcError, ValueError):
    """An argument is out of its range."""

    status = _abi.SMIPC_E_INVALID


class InvalidTypeError(SmipcError, TypeError):
    """An argument is of a type that cannot be used here."""

    status = _abi.SMIPC_E_INVALID


class TimedOutError(SmipcError, TimeoutError):
    """The timeout passed. Nothing was consumed."""

    status = _abi.SMIPC_E_TIMED_OUT


class InterruptedCallError(SmipcError, InterruptedError):
    """A signal handler ran. Python code does not get to see it: the calls go on by themselves."""

    status = _abi.SMIPC_E_INTERRUPTED


class ClosedError(SmipcError, ValueError):
    """The channel is not open: not yet, or no more."""

    status = _abi.SMIPC_E_CLOSED


class OppositeEndClosedError(SmipcError, BrokenPipeError):
    """The opposite end has closed, and a reader has read everything."""

    status = _abi.SMIPC_E_OPPOSITE_CLOSED


class OppositeEndDiedError(OppositeEndClosedError):
    """The process of the opposite end has ended without closing it."""

    status = _abi.SMIPC_E_OPPOSITE_DIED


class EndTakenError(SmipcError, OSError):
    """Another process, or another Channel of this one, holds this end; the text names its pid."""

    status = _abi.SMIPC_E_END_TAKEN
    _errno = errno.EBUSY


class WrongEndError(SmipcError, io.UnsupportedOperation):
    """Reading from a writer, or writing to a reader."""

    status = _abi.SMIPC_E_WRONG_END


class WrongFramingError(SmipcError, io.UnsupportedOperation):
    """A call for streams on a message channel, or the reverse."""

    status = _abi.SMIPC_E_WRONG_FRAMING


class BufferTooSmallError(SmipcError, ValueError):
    """The message does not fit the buffer, and stays. `needed` is its size in bytes."""

    status = _abi.SMIPC_E_BUFFER_TOO_SMALL
    needed: int = 0


class NoSpaceError(SmipcError, OSError):
    """Shared memory is full; the text says how much there is and how much is needed."""

    status = _abi.SMIPC_E_NO_SPACE
    _errno = errno.ENOSPC


class OutOfMemoryError(SmipcError, MemoryError):
    """This process is out of memory or of address space."""

    status = _abi.SMIPC_E_NO_MEMORY


class AccessDeniedError(SmipcError, PermissionError):
    """The channel belongs to another user."""

    status = _abi.SMIPC_E_PERMISSION
    _errno = errno.EACCES


class NotFoundError(SmipcError, FileNotFoundError):
    """There is no such object."""

    status = _abi.SMIPC_E_NOT_FOUND
    _errno = errno.ENOENT


class AlreadyExistsError(SmipcError, FileExistsError):
    """There is such an object already."""

    status = _abi.SMIPC_E_EXISTS
    _errno = errno.EEXIST


class CorruptError(SmipcError):
    """The shared memory, or a message, holds what no honest peer writes."""

    status = _abi.SMIPC_E_CORRUPT


class NotSmipcError(SmipcError):
    """The file of that name is no smipc segment."""

    status = _abi.SMIPC_E_NOT_SMIPC


class VersionError(SmipcError):
    """The segment was made by a version of smipc with another layout."""

    status = _abi.SMIPC_E_VERSION


class ForkedError(SmipcError, RuntimeError):
    """The channel was opened by the parent process, before fork. Open it in the child."""

    status = _abi.SMIPC_E_FORKED


class LimitError(SmipcError, OSError):
    """A limit on descriptors, mappings or threads is reached."""

    status = _abi.SMIPC_E_LIMIT
    _errno = errno.EMFILE


class UnsupportedError(SmipcError, NotImplementedError):
    """Not available on this platform."""

    status = _abi.SMIPC_E_UNSUPPORTED


class BusyError(SmipcError, RuntimeError):
    """A listener, a reservation or a borrowed view is active, and excludes this call."""

    status = _abi.SMIPC_E_BUSY


class SystemFailureError(SmipcError, OSError):
    """Any other error of the operating system."""

    status = _abi.SMIPC_E_OS


class MessageFormatError(SmipcError, ValueError):
    """The message is not what recv_array or recv_object expect. It stays; recv gets it as it is."""

    status = _abi.SMIPC_E_INVALID


class InternalError(SmipcError, RuntimeError):
    """A defect in smipc. Please report it."""

    status = _abi.SMIPC_E_INTERNAL


BY_STATUS: dict[int, type[SmipcError]] = {
    kind.status: kind
    for kind in (
        InvalidArgumentError,
        TimedOutError,
        InterruptedCallError,
        ClosedError,
        OppositeEndClosedError,
        OppositeEndDiedError,
        EndTakenError,
        WrongEndError,
        WrongFramingError,
        BufferTooSmallError,
        NoSpaceError,
        OutOfMemoryError,
        AccessDeniedError,
        NotFoundError,
        AlreadyExistsError,
        CorruptError,
        NotSmipcError,
        VersionError,
        ForkedError,
        LimitError,
        UnsupportedError,
        BusyError,
        SystemFailureError,
        InternalError,
    )
}


def make(kind: type[SmipcError], text: str) -> SmipcError:
    """An error of that class, with the errno that belongs to it."""
    return kind(kind._errno, text) if kind._errno else kind(text)


def error(status: int, text: str | None = None) -> SmipcError:
    """The error for a status that is not OK; the text is what the library last said."""
    return make(BY_STATUS.get(status, InternalError), last_error() if text is None else text)


def check(status: int) -> None:
    """Raises the error for a status that is not OK."""
    if status:
        raise error(status)


def printable(cid: bytes) -> str:
    """A channel's name for people: printable ASCII, backslashes twice, the rest as \\xNN."""
    return "".join(
        chr(byte) if 32 <= byte < 127 and byte != ord("'") else f"\\x{byte:02x}"
        for byte in cid.replace(b"\\", b"\\\\")
    )


def shown(number: int) -> str:
    """An integer for people: Python refuses to print one of thousands of digits."""
    return str(number) if number.bit_length() <= 1024 else f"one of {number.bit_length()} bits"


def clipped(thing: object) -> str:
    """What something is, no longer than an error should have it. Raises what its repr raises."""
    text = repr(thing)
    return text if len(text) <= 60 else text[:57] + "..."


def kind_and_value(thing: object) -> str:
    """What something of a wrong type is, for the end of an error: "float: 1.5"."""
    kind = type(thing).__name__
    try:
        return f"{kind}: {clipped(thing)}"
    except Exception:  # it is of a user's class, or has thousands of digits
        return kind


def channel_text(cid: bytes, text: str) -> str:
    """`text`, opened as the library opens its own: with the name of the channel."""
    return f"channel '{printable(cid[:60])}': {text}" if cid else text
