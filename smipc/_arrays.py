"""Arrays as messages. A message is exactly a .npy file: any reader of that format, in any language,
can read it, and numpy's own code writes and checks the header.

Headers repeat from one array to the next, so both directions remember the last ones, and a plain
array passes in one native call: sent with its remembered header, received if the header is the one
expected. All else takes the longer way, which is also the one that gives the errors.
"""

from __future__ import annotations

import io
from functools import partial
from math import prod
from operator import index

import numpy
from numpy.lib import format as npy

from smipc._end import CLAIM, FETCHING, NOTHING
from smipc._loans import Borrow, Reservation
from smipc._native import ffi, lib
from smipc._timing import SOON, deadline_after, is_timeout
from smipc.errors import InvalidArgumentError, InvalidTypeError, MessageFormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from smipc._views import Views

    Array = numpy.ndarray[Any, numpy.dtype[Any]]
    Kind = tuple[numpy.dtype[Any], tuple[int, ...], bool]  # dtype, shape, Fortran order

# Most headers have 128 bytes. A longer one costs a look at the whole message.
_PREFIX = 512
_REMEMBERED = 256

# Dtypes whose arrays give their memory away by the buffer protocol.
_PLAIN = "?bhilqBHILQefdgFDG"

_send_two: Any = lib.smipc_channel_send_two
_recv_headed: Any = lib.smipc_channel_recv_headed
_memory_of: Any = ffi.from_buffer

_headers: dict[Kind, bytes] = {}
_kinds: dict[bytes, Kind] = {}


def array_parts(channel: Views, array: Any) -> tuple[bytes, memoryview]:
    """The message of an array: header and elements."""
    array = numpy.asarray(array)
    if array.dtype.hasobject:
        raise channel._error(
            InvalidTypeError, f"an array of {array.dtype} holds Python objects: use send_object"
        )
    fortran = array.flags.f_contiguous and not array.flags.c_contiguous
    if not fortran:
        array = numpy.ascontiguousarray(array).reshape(array.shape)
    header = _header(channel, (array.dtype, array.shape, fortran))
    return header, memoryview(_bytes_of(array))


def send_array(channel: Views, array: Any, timeout: float | None) -> None:
    if timeout is not None and not is_timeout(timeout):
        deadline_after(channel._cid, timeout)
    if type(array) is numpy.ndarray and array.flags.c_contiguous:
        header = _headers.get((array.dtype, array.shape, False))
        if (
            header is not None
            and array.dtype.char in _PLAIN
            and len(header) + array.nbytes <= channel._capacity
            and not _send_two(
                channel._sender,
                header,
                len(header),
                _memory_of(array),
                array.nbytes,
                channel._slice if timeout is None else 0,
            )
        ):
            return
    deadline = deadline_after(channel._cid, timeout)
    channel._send_all(array_parts(channel, array), deadline)


def recv_array(channel: Views, timeout: float | None, out: Any) -> Array:
    if timeout is not None and not is_timeout(timeout):
        deadline_after(channel._cid, timeout)
    kind = channel._array_kind if out is None else _kind_of(out)
    header = b"" if kind is None else _headers.get(kind) or _header(channel, kind)
    array: Array = out
    if out is None and kind is not None:
        try:
            array = numpy.empty(kind[1], kind[0])
        except MemoryError:  # what comes may be smaller
            kind = None
    if kind is not None and len(header) <= _PREFIX:
        wait = channel._slice if timeout is None else SOON if timeout is SOON else 0
        call = map(
            _recv_headed,
            (channel._handle,),
            (header,),
            (len(header),),
            (_memory_of(array),),
            (array.nbytes,),
            (wait,),
        )
        # As in Inbox.recv: the fast path, if nothing is fetched and nobody has the turn.
        if channel._calls and channel._busy is None:
            channel._busy = FETCHING
            rest = channel._batch[channel._taken[0] :]
            channel._busy = CLAIM[not rest]
            if not rest:
                channel._batch = NOTHING
                for status in call:
                    channel._busy = None
                    if not status:
                        return array
    deadline = deadline_after(channel._cid, timeout)
    if out is not None:
        return _recv_into_array(channel, deadline, out)
    for raw in map(channel._recv_as, (partial(_fresh, channel),), (deadline,)):
        try:
            array = array_in(channel, raw)
            _expect_such(channel, array)
            return array
        except BaseException:  # no array, or an interruption
            channel._put_back(raw.tobytes())
            raise
    raise AssertionError("unreachable")


def _recv_into_array(channel: Views, deadline: int | None, out: Any) -> Array:
    if not isinstance(out, numpy.ndarray):
        raise channel._error(InvalidTypeError, f"out must be an array, not {type(out).__name__}")
    if not out.flags.writeable:
        raise channel._error(InvalidArgumentError, "out is a read-only array")

    def plan(size: int, prefix: bytes) -> tuple[Sequence[memoryview], Array | None]:
        header = _complete_header(prefix)
        if header:
            kind = _kind(channel, header, size)
            _check_fits(channel, kind, out)
            if out.flags.f_contiguous if kind[2] else out.flags.c_contiguous:
                return (memoryview(bytearray(len(header))), memoryview(_bytes_of(out))), None
        return _fresh(channel, size, prefix)

    # Through a small channel even a header may come in pieces.
    prefix_size = _PREFIX if channel._capacity >= 8 * _PREFIX else 0
    for raw in map(channel._recv_as, (plan,), (deadline,), (prefix_size,)):
        if raw is not None:  # a detour: out is not contiguous, or the header came late
            try:
                array = array_in(channel, raw)
                _check_fits(channel, (array.dtype, array.shape, False), out)
                out[...] = array
            except BaseException:
                channel._put_back(raw.tobytes())
                raise
    return out


def _kind_of(out: Any) -> Kind | None:
    """What has to come to be received right into `out`; None: not in one call."""
    if type(out) is not numpy.ndarray or out.dtype.char not in _PLAIN:
        return None
    flags = out.flags
    return (out.dtype, out.shape, False) if flags.c_contiguous and flags.writeable else None


def _expect_such(channel: Views, array: Array) -> None:
    """The next array will be like this one: senders repeat themselves."""
    plain = array.dtype.char in _PLAIN and array.flags.c_contiguous
    channel._array_kind = (array.dtype, array.shape, False) if plain else None
    if plain:
        _header(channel, channel._array_kind)


class ArrayReservation:
    """From Channel.reserve_array: `with` gives an array to fill that lies in the channel itself."""

    def __init__(
        self,
        channel: Views,
        shape: int | tuple[int, ...],
        dtype: Any,
        order: str,
        timeout: float | None,
    ) -> None:
        if not isinstance(order, str) or order not in ("C", "F"):
            raise channel._error(InvalidArgumentError, f"order must be 'C' or 'F': {order!r}")
        try:
            wanted = numpy.dtype(dtype)
            sizes = tuple(index(n) for n in (shape if isinstance(shape, tuple) else (shape,)))
        except Exception as problem:  # whatever text leads numpy's parser to
            raise channel._error(InvalidTypeError, f"no dtype or shape: {problem}") from None
        if wanted.hasobject or not wanted.itemsize or any(n < 0 for n in sizes):
            raise channel._error(InvalidArgumentError, f"cannot reserve {sizes} of {wanted}")
        try:
            _check_possible(wanted, sizes)
        except (ValueError, OverflowError) as problem:
            raise channel._error(
                InvalidArgumentError, f"cannot reserve {sizes} of {wanted}: {problem}"
            ) from None
        self._kind: Kind = (wanted, sizes, order == "F")
        self._header = _header(channel, self._kind)
        size = len(self._header) + prod(sizes) * wanted.itemsize
        self._reservation = channel.reserve(size, timeout)

    def __enter__(self) -> Array:
        for view in map(Reservation.__enter__, (self._reservation,)):
            try:
                return self._array_in(view)
            except BaseException:  # the block is not entered, so nobody leaves it
                self._reservation.abort()
                raise
        raise AssertionError("unreachable")

    def _array_in(self, view: memoryview) -> Array:
        dtype, shape, fortran = self._kind
        view[: len(self._header)] = self._header
        data = numpy.frombuffer(view, numpy.uint8)[len(self._header) :].view(dtype)
        return data.reshape(shape, order="F" if fortran else "C")

    def __exit__(self, *details: Any) -> None:
        self._reservation.__exit__(*details)


class ArrayBorrow:
    """From Channel.peek_array: `with` gives a read-only array that lies in the channel itself."""

    def __init__(self, channel: Views, timeout: float | None) -> None:
        self._channel = channel
        self._borrow = channel.peek(timeout)

    def __enter__(self) -> Array:
        for view in map(Borrow.__enter__, (self._borrow,)):
            try:
                return array_in(self._channel, numpy.frombuffer(view, numpy.uint8))
            except BaseException:
                self._borrow.give_up()
                raise
        raise AssertionError("unreachable")

    def __exit__(self, *_: object) -> None:
        self._borrow.__exit__()


def array_in(channel: Views, raw: Array) -> Array:
    """The array in the bytes of a message, without a copy. MessageFormatError."""
    prefix = raw[:_PREFIX].tobytes()
    header = _complete_header(prefix) or _complete_header(raw.tobytes())
    dtype, shape, fortran = _kind(channel, header, len(raw))
    dtype = _own(dtype)
    data = raw[len(header) :].view(dtype) if dtype.itemsize else numpy.empty(prod(shape), dtype)
    return data.reshape(shape, order="F" if fortran else "C")


def _fresh(channel: Views, size: int, _: bytes) -> tuple[Sequence[memoryview], Array]:
    raw: Array = channel._allocate(lambda n: numpy.empty(n, numpy.uint8), size)
    return (memoryview(_bytes_of(raw)),), raw


def _bytes_of(array: Array) -> Any:
    """A contiguous array's memory, as it lies there."""
    flat = array.reshape(-1, order="A")
    return flat.view(numpy.uint8) if array.dtype.itemsize else numpy.empty(0, numpy.uint8)


def _header(channel: Views, kind: Kind) -> bytes:
    header = _headers.get(kind)
    if header is None:
        dtype, shape, fortran = kind
        file = io.BytesIO()
        try:
            descr = npy.dtype_to_descr(dtype)
        except ValueError as problem:  # fields that overlap, or are out of order
            raise channel._error(
                InvalidArgumentError, f"an array of {dtype} cannot be sent: {problem}"
            ) from None
        about = {"descr": descr, "fortran_order": fortran, "shape": shape}
        try:
            try:
                npy.write_array_header_1_0(file, about)
            except ValueError:  # beyond 64 KiB; also the base of UnicodeEncodeError
                file = io.BytesIO()
                npy.write_array_header_2_0(file, about)
        except UnicodeEncodeError:
            raise channel._error(
                InvalidArgumentError, f"a field name of {dtype} is not Latin-1"
            ) from None
        header = file.getvalue()
        _remember(_headers, (_own(dtype), shape, fortran), header)
    return header


def _complete_header(prefix: bytes) -> bytes:
    """The header that the bytes begin with; empty if they do not hold all of one."""
    if prefix[:6] != npy.MAGIC_PREFIX or len(prefix) < 12:
        return b""
    fields = 2 if prefix[6] == 1 else 4
    size = 8 + fields + int.from_bytes(prefix[8 : 8 + fields], "little")
    return prefix[:size] if len(prefix) >= size else b""


def _kind(channel: Views, header: bytes, size: int) -> Kind:
    """What a message of `size` bytes with that header holds. MessageFormatError."""
    kind = _kinds.get(header)
    if kind is None:
        try:
            kind = _parse(header)
        except Exception as problem:  # whatever a header leads Python's own parser to
            raise channel._error(
                MessageFormatError, f"a message of {size} bytes is no array: {problem}"
            ) from None
        _remember(_kinds, header, kind)
    dtype, shape, _ = kind
    if len(header) + prod(shape) * dtype.itemsize != size:
        raise channel._error(
            MessageFormatError, f"a message of {size} bytes does not hold {shape} of {dtype}"
        )
    return kind


def _parse(header: bytes) -> Kind:
    file = io.BytesIO(header)
    version = npy.read_magic(file) if header else None
    if version == (1, 0):
        shape, fortran, dtype = npy.read_array_header_1_0(file)
    elif version == (2, 0):
        shape, fortran, dtype = npy.read_array_header_2_0(file)
    else:
        raise ValueError("it does not begin with the header of a .npy file, version 1 or 2")
    if dtype.hasobject:
        raise ValueError(f"{dtype} holds Python objects")
    if any(type(length) is not int or length < 0 for length in shape):
        raise ValueError(f"shape {shape}")
    _check_possible(dtype, shape)
    return dtype, shape, fortran


def _check_possible(dtype: numpy.dtype[Any], shape: tuple[int, ...]) -> None:
    """Raises for what no array can have, whatever its size."""
    if dtype.subdtype is not None:
        raise ValueError(f"its elements are arrays {dtype.shape}, which belong into the shape")
    numpy.broadcast_to(numpy.uint8(), shape)
    if 0 in shape:  # nothing is allocated, but the other lengths may be too much for the dtype
        numpy.empty(shape, dtype)


def _own(dtype: numpy.dtype[Any]) -> numpy.dtype[Any]:
    """`dtype`, or a copy of one with fields: their names may be changed in place, so one that is
    remembered must be nobody else's."""
    return dtype if dtype.names is None else dtype.newbyteorder("|")


def _check_fits(channel: Views, kind: Kind, out: Array) -> None:
    dtype, shape, _ = kind
    if out.dtype != dtype or out.shape != shape:
        raise channel._error(
            InvalidArgumentError,
            f"the message is an array {shape} of {dtype}, out is {out.shape} of {out.dtype}",
        )


def _remember(table: dict[Any, Any], key: Any, value: Any) -> None:
    if len(table) >= _REMEMBERED:
        table.clear()
    table[key] = value
