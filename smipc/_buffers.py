"""What users pass as data: from any bytes-like object to memory that C may read or fill.

cffi takes any of its own pointers for `void *`, and the length of an int[3] is 3: so everything but
plain bytes goes through a memoryview first, which knows bytes from items.
"""

from __future__ import annotations

from operator import index

from smipc._native import ffi
from smipc.errors import InvalidArgumentError, InvalidTypeError, channel_text, kind_and_value, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, TypeVar

    from typing_extensions import Buffer

    T = TypeVar("T")


def readable(cid: bytes, data: Buffer) -> bytes | memoryview:
    """`data` itself when it is bytes, else a contiguous view of it. Refuses anything else."""
    if type(data) is bytes:
        return data
    view = _view(cid, data)
    if not view.c_contiguous:
        raise InvalidArgumentError(
            channel_text(cid, f"a {type(data).__name__} that is not contiguous cannot be sent")
        )
    if "O" in view.format and _holds_objects(view.format):
        raise InvalidTypeError(
            channel_text(
                cid, f"a bytes-like object is needed, not {type(data).__name__} of Python objects"
            )
        )
    return view


def writable(cid: bytes, buffer: Buffer) -> memoryview:
    """A view of `buffer` as bytes that may be filled. InvalidTypeError, InvalidArgumentError."""
    view = _view(cid, buffer)
    if view.readonly:
        raise InvalidTypeError(
            channel_text(cid, f"a {type(buffer).__name__} that is read-only cannot be filled")
        )
    if not view.c_contiguous:
        raise InvalidArgumentError(
            channel_text(cid, f"a {type(buffer).__name__} that is not contiguous cannot be filled")
        )
    if "O" in view.format and _holds_objects(view.format):
        raise InvalidTypeError(
            channel_text(cid, f"a {type(buffer).__name__} of Python objects cannot be filled")
        )
    if view.nbytes == 0:  # a cast refuses zeros in a shape
        return memoryview(bytearray())
    return view.cast("B")


def pointer(buffer: bytes | memoryview) -> Any:
    """C's pointer to the memory of a buffer, which it keeps from moving.

    A call that fails has to `unpin` it: the error's traceback keeps the frame, and so the pointer.
    (Besides, CPython's collector crashes on a memoryview that is exported while it is cleared.)
    """
    return ffi.from_buffer(buffer)


def unpin(*pointers: Any) -> None:
    for pinned in pointers:
        if pinned is not None:
            ffi.release(pinned)


def whole_number(cid: bytes, what: str, value: int, lowest: int, highest: int) -> int:
    """`value`, checked to be an integer in a range."""
    try:
        if isinstance(value, bool):
            raise TypeError
        number = index(value)
    except TypeError:  # also of a class, or of an array
        raise InvalidTypeError(
            channel_text(cid, f"{what} must be an integer, not {kind_and_value(value)}")
        ) from None
    if not lowest <= number <= highest:
        raise InvalidArgumentError(
            channel_text(cid, f"{what} must be from {lowest} to {highest}: {shown(number)}")
        )
    return number


def _holds_objects(form: str) -> bool:
    """Whether a buffer's format has references to Python objects: addresses, which mean nothing to
    another process, and would be followed here. Names of fields are between colons."""
    return "O" in "".join(form.split(":")[::2])


def one_by_one(cid: bytes, what: str, things: Iterable[T]) -> list[T]:
    """The things as a list. InvalidTypeError if they cannot be gone through; other errors are those
    of whoever makes them."""
    try:
        iterator = iter(things)
    except TypeError:
        raise InvalidTypeError(
            channel_text(cid, f"{what} must be iterable, not {kind_and_value(things)}")
        ) from None
    return list(iterator)


def _view(cid: bytes, data: Buffer) -> memoryview:
    try:
        return memoryview(data)
    except TypeError:
        raise InvalidTypeError(
            channel_text(cid, f"a bytes-like object is needed, not {type(data).__name__}")
        ) from None
    except (BufferError, ValueError) as error:  # a released memoryview, an array of dates
        raise InvalidArgumentError(
            channel_text(cid, f"this {type(data).__name__} has no usable buffer: {error}")
        ) from None
