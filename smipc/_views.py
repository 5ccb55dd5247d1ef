"""What a Channel lends, and what it carries beyond bytes: thin, the work is in modules that are
imported when they are first used."""

from __future__ import annotations

from smipc._objects import Objects

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from smipc._arrays import Array, ArrayBorrow, ArrayReservation
    from smipc._loans import Borrow, Reservation

# The module that brings numpy: imported when it is first used, and kept here because an import
# statement costs most of a microsecond each time.
_arrays: Any = None


def with_numpy() -> Any:
    global _arrays
    if _arrays is None:
        from smipc import _arrays
    return _arrays


class Views(Objects):
    __slots__ = ()

    def reserve(self, size: int, timeout: float | None = None) -> Reservation:
        """Room for a message of `size` bytes, to be written in place:

            with channel.reserve(n) as view:
                view[:] = ...

        Waits for room on entering. `view` is a writable memoryview; leaving the block sends the
        message, an exception gives it up, and `commit(k)` of the Reservation sends the first `k`
        bytes only. One at a time; until then other sends raise BusyError. After the block the view
        is invalid: memory stays mapped for arrays made from it, but means nothing.

        InvalidArgumentError for more than the channel's capacity. Other errors as for send.
        """
        from smipc._loans import Reservation

        return Reservation(self, size, timeout)

    def peek(self, timeout: float | None = None) -> Borrow:
        """The next message, to be read where it lies:

            with channel.peek() as view:
                use(view)

        Waits for it on entering. `view` is a read-only memoryview, contiguous; leaving the block
        takes the message off the channel, also after an exception. One at a time; until then other
        ways of reading raise BusyError. After the block the view is invalid: memory stays mapped
        for arrays made from it, but means nothing. A message larger than the channel's capacity is
        a copy. Errors as for recv.
        """
        from smipc._loans import Borrow

        return Borrow(self, timeout)

    def send_array(self, array: Any, timeout: float | None = None) -> None:
        """Sends a numpy array (or what numpy.asarray takes) as one message: its dtype, shape, order
        and elements. One copy, into the channel, if it is contiguous in C or Fortran order.

        The message is a .npy file. InvalidTypeError if its elements are Python objects; other
        errors as for send. Needs numpy.
        """
        (_arrays or with_numpy()).send_array(self, array, timeout)

    def recv_array(self, timeout: float | None = None, *, out: Any = None) -> Array:
        """Receives an array: a new one, which the caller owns, or `out`, of the same dtype and
        shape. One copy, out of the channel.

        MessageFormatError (the next message is no array) and InvalidArgumentError (`out` does not
        fit) leave the message in the channel. Other errors as for recv. Needs numpy.
        """
        arrays = _arrays or with_numpy()
        for array in map(arrays.recv_array, (self,), (timeout,), (out,)):
            return array  # type: ignore[no-any-return]
        raise AssertionError("unreachable")

    def reserve_array(
        self,
        shape: int | tuple[int, ...],
        dtype: Any = float,
        order: str = "C",
        timeout: float | None = None,
    ) -> ArrayReservation:
        """Room for an array, to be filled in place: as reserve, but `with` gives a numpy array."""
        from smipc._arrays import ArrayReservation

        return ArrayReservation(self, shape, dtype, order, timeout)

    def peek_array(self, timeout: float | None = None) -> ArrayBorrow:
        """The next array where it lies: as peek, but `with` gives a read-only numpy array."""
        from smipc._arrays import ArrayBorrow

        return ArrayBorrow(self, timeout)
