"""Timeouts: seconds as float at the surface, deadlines in nanoseconds of the monotonic clock below.

A deadline of None never comes; POLL and SOON have passed already, and with SOON the native call may
spin a little before it says so (see SMIPC_SOON in smipc.h). No native call waits for longer than
SLICE, so that Python gets to look after its signals even when one lands just before the native
sleep.
"""

from __future__ import annotations

from time import monotonic_ns

from smipc import _abi
from smipc.errors import (
    InvalidArgumentError,
    InvalidTypeError,
    TimedOutError,
    channel_text,
    kind_and_value,
    shown,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SLICE = 200_000_000
SPIN_SLICE = 10_000_000  # of channels that never sleep: no signal ends a native call that spins
POLL = 0


class _Soon(int):
    """An object of its own, so that no number of a user is taken for it."""


# Also a timeout: event loops give it to the methods of a Channel.
SOON = _Soon(_abi.SMIPC_SOON)

_LONGEST = 1e18 / 1e9  # beyond this many seconds it is for ever


def deadline_after(cid: bytes, timeout: float | None) -> int | None:
    """The deadline of a timeout in seconds: None waits for ever, 0 tries. Checks it."""
    if timeout is None:
        return None
    if timeout is SOON:
        return SOON
    if type(timeout) is not float and type(timeout) is not int:
        timeout = _seconds(cid, timeout)
    if not timeout >= 0:  # NaN too
        raise InvalidArgumentError(
            channel_text(cid, f"timeout must not be negative: {_shown(timeout)}")
        )
    if timeout == 0:
        return POLL
    if timeout > _LONGEST:
        return None
    return monotonic_ns() + int(timeout * 1e9)


def _shown(timeout: float) -> str:
    return shown(timeout) if isinstance(timeout, int) else repr(timeout)


def is_timeout(timeout: object) -> bool:
    """Whether a timeout is plainly a good one: a quick look, for calls that will not have to wait.
    What it denies may be good all the same: deadline_after says."""
    return (type(timeout) is float or type(timeout) is int) and timeout >= 0


def _seconds(cid: bytes, timeout: Any) -> float:
    """A timeout of another type than int and float."""
    if not isinstance(timeout, (bool, str, bytes)) and hasattr(timeout, "__float__"):
        try:
            return float(timeout)
        except (TypeError, ValueError):  # a class, an array
            pass
        except OverflowError as problem:
            raise InvalidArgumentError(channel_text(cid, f"this timeout: {problem}")) from None
    kind = kind_and_value(timeout)
    raise InvalidTypeError(
        channel_text(cid, f"timeout must be a number of seconds or None, not {kind}")
    )


def slice_ns(deadline: int | None, longest: int = SLICE) -> int:
    """How long the next native call may wait, in nanoseconds."""
    if deadline is None:
        return longest
    if deadline is SOON:
        return SOON
    if deadline == POLL:
        return 0
    return min(longest, max(0, deadline - monotonic_ns()))


def has_passed(deadline: int | None) -> bool:
    return deadline is not None and (deadline <= POLL or monotonic_ns() >= deadline)


def timed_out(cid: bytes, what: str) -> TimedOutError:
    """The error for a deadline that has passed while `what` was waited for."""
    return TimedOutError(channel_text(cid, f"timed out: {what}"))
