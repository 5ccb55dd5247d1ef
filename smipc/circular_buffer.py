"""SharedCircularBuffer: one writer and any number of readers, and nobody ever waits."""

from __future__ import annotations

from itertools import repeat
from operator import index
from os import getpid
from weakref import ref

from smipc import _abi, _cleaning, _named
from smipc._buffers import pointer, readable, unpin, whole_number, writable
from smipc._native import ffi, last_error, lib
from smipc.errors import (
    AlreadyExistsError,
    BusyError,
    ClosedError,
    InvalidArgumentError,
    InvalidTypeError,
    SmipcError,
    WrongEndError,
    check,
    clipped,
    error,
    kind_and_value,
    make,
    printable,
    shown,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from typing_extensions import Buffer, Self

_push = lib.smipc_circular_buffer_push
_push_int = lib.smipc_circular_buffer_push_int
_pop = lib.smipc_circular_buffer_pop
_pop_int = lib.smipc_circular_buffer_pop_int

_NONE_THERE = _abi.SMIPC_E_NOT_FOUND
_TOO_LARGE = _abi.SMIPC_E_BUFFER_TOO_SMALL  # for a pop of 63 bits
_DOES_NOT_FIT = _abi.SMIPC_E_INVALID

# Items that struct can unpack, big-endian.
_LETTERS = {2: "H", 4: "I", 8: "Q"}


class CBuffException(SmipcError):
    """Base of the errors that only circular buffers have."""


class WriteOperationsForbidden(CBuffException, WrongEndError):
    """A reader was asked to push."""

    status = _abi.SMIPC_E_WRONG_END


class ReadOperationsForbidden(CBuffException, WrongEndError):
    """The writer was asked to pop, or how full the buffer is for it."""

    status = _abi.SMIPC_E_WRONG_END


class BufferAlreadyCreated(CBuffException, AlreadyExistsError):
    """The buffer has a living writer; the text names its pid."""

    status = _abi.SMIPC_E_EXISTS


class ReaderOvertaken(CBuffException, BusyError):
    """The writer has overtaken this reader again and again: it pushes a whole buffer in less time
    than it takes to copy one item. `lost` has counted what was missed, and the next call goes on.
    """

    status = _abi.SMIPC_E_BUSY


class SharedCircularBuffer:
    """The newest `length - 1` items that one writer has pushed, for any number of readers.

        writer = SharedCircularBuffer("samples", create=True, item_size=4, length=1024)
        writer.push(42)

        reader = SharedCircularBuffer("samples")
        reader.popitem()  # 42

    With `create` it is the writer, else a reader, which begins at the oldest item there is. Items
    are integers, in `item_size` bytes, big-endian; or bytes. `item_size` (1) and `length` (2) are
    the buffer's when left out, and an InvalidArgumentError when they contradict it. A reader that
    is overtaken goes on at the oldest item left; `lost` counts what it missed. A writer that was
    killed can be succeeded: `create` then goes on behind its last whole item.

    Threads may share one, with their calls one after the other. A forked child gets a ForkedError.
    What multiprocessing gives to a child is a reader.

    BufferAlreadyCreated, FileNotFoundError, PermissionError, ValueError, NoSpaceError.
    """

    __slots__ = (
        "__weakref__",
        "_handle",
        "_is_open",
        "_item_size",
        "_length",
        "_name",
        "_pid",
        "_pops",
        "_writes",
    )

    def __init__(
        self,
        name: str | bytes,
        *,
        create: bool = False,
        item_size: int | None = None,
        length: int | None = None,
    ) -> None:
        self._is_open = False
        self._handle = ffi.NULL
        self._pid = getpid()
        self._name = name
        raw = self._raw_name()
        if not isinstance(create, bool):
            kind = kind_and_value(create)
            raise self._error(InvalidTypeError, f"create must be True or False, not {kind}")
        options = ffi.new("smipc_circular_buffer_options *")
        lib.smipc_circular_buffer_options_init(options)
        if item_size is not None:
            options.item_size = self._number("item_size", item_size, 1, _abi.SMIPC_MAX_ITEM)
        if length is not None:
            options.length = self._number("length", length, 2, _abi.SMIPC_MAX_CAPACITY)
        self._writes = create
        mode = _abi.SMIPC_WRITER if create else _abi.SMIPC_READER
        out = ffi.new("smipc_circular_buffer **")
        status = lib.smipc_circular_buffer_open(raw, len(raw), mode, options, out)
        if status == _abi.SMIPC_E_END_TAKEN:
            raise make(BufferAlreadyCreated, last_error())
        check(status)
        self._handle = ffi.gc(out[0], lib.smipc_circular_buffer_free)
        self._is_open = True
        shape = self._status()
        self._item_size = int(shape.item_size)
        self._length = int(shape.length)
        # Each step is a call: an integer, or a negative status.
        self._pops: Iterator[int] = map(_pop_int, repeat(self._handle))
        _named._arrange_exit()
        _named._live[id(self)] = ref(self)
        _cleaning.note(self)

    @property
    def name(self) -> str | bytes:
        """The name, as it was given."""
        return self._name

    @property
    def item_size(self) -> int:
        """Bytes of an item."""
        return self._item_size

    @property
    def length(self) -> int:
        """Slots, of which `length - 1` can be read."""
        return self._length

    @property
    def closed(self) -> bool:
        """Whether this buffer is closed."""
        return not self._is_open

    @property
    def available(self) -> int:
        """How many items this reader can pop now. ReadOperationsForbidden, ClosedError."""
        self._for_reading()
        return int(self._status().available)

    @property
    def usage(self) -> float:
        """How full the buffer is for this reader, from 0.0 to 1.0 (`length - 1` items).
        ReadOperationsForbidden, ClosedError."""
        return self.available / (self._length - 1)

    @property
    def lost(self) -> int:
        """How many items this reader has missed. ReadOperationsForbidden, ClosedError."""
        self._for_reading()
        return int(self._status().lost)

    @property
    def writer_pid(self) -> int:
        """The process of the writer, or of the last one if it was killed; 0: it has closed."""
        return int(self._status().writer_pid)

    def push(self, item: int) -> None:
        """Adds an integer. OverflowError: it is negative, or has more than `item_size` bytes.
        WriteOperationsForbidden, ClosedError."""
        if type(item) is not int:
            item = self._integer(item)
        try:
            status = _push_int(self._handle, item)
        except OverflowError:  # negative, or more than 64 bits
            status = self._push_large(item)
        if status:
            raise self._overflow(item) if status == _DOES_NOT_FIT else self._failure(status)

    def _push_large(self, item: int) -> int:
        try:
            raw = item.to_bytes(self._item_size, "big")
        except OverflowError:
            return _DOES_NOT_FIT
        return int(_push(self._handle, raw, self._item_size))

    def push_bytes(self, items: Buffer) -> None:
        """Adds any number of items, as they are in a bytes-like object or a numpy array (integers
        for `popitem` have a big-endian dtype, such as ">u4"). Its size must be a multiple of
        `item_size`. WriteOperationsForbidden, ValueError, ClosedError."""
        if type(items) is bytes:
            status = _push(self._handle, items, len(items))
        else:
            held = pointer(self._checked(readable, items))
            try:
                status = _push(self._handle, held, len(held))
            finally:
                unpin(held)
        if status:
            raise self._failure(status)

    def popitem(self) -> int | None:
        """The next item as an integer, or None. ReadOperationsForbidden, ClosedError."""
        # An item cannot get lost between the call and the return: see smipc/_end.py.
        for item in self._pops:
            return item if item >= 0 else self._pop_slowly(item)
        raise AssertionError("unreachable")

    def _pop_slowly(self, status: int) -> int | None:
        if status == _NONE_THERE:
            return None
        if status == _TOO_LARGE:
            raw = self.pop_bytes(1)
            return int.from_bytes(raw, "big") if raw else None
        raise self._failure(status)

    def popmany(self, n: int) -> list[int]:
        """Up to `n` items as integers. ReadOperationsForbidden, ClosedError."""
        raw = self.pop_bytes(n)
        size = self._item_size
        if size == 1:
            return list(raw)
        if size in _LETTERS:
            from struct import unpack

            return list(unpack(f">{len(raw) // size}{_LETTERS[size]}", raw))
        return [int.from_bytes(raw[at : at + size], "big") for at in range(0, len(raw), size)]

    def pop_bytes(self, n: int) -> bytes:
        """Up to `n` items as bytes, one behind the other. ReadOperationsForbidden, ClosedError."""
        count = min(self._number("n", n, 0, 2**63 - 1), self.available)
        if count == 0:
            return b""
        room = bytearray(count * self._item_size)
        return bytes(memoryview(room)[: self.pop_into(room) * self._item_size])

    def pop_into(self, buffer: Buffer) -> int:
        """Pops as many items as there are and fit a writable buffer, such as a numpy array, and
        returns their number. What is behind them in the buffer may change.
        ReadOperationsForbidden, ValueError (it cannot hold an item), ClosedError."""
        held = pointer(self._checked(writable, buffer))
        count = ffi.new("uint64_t *")
        try:
            status = _pop(self._handle, held, len(held), count)
        finally:
            unpin(held)
        if status:
            raise self._failure(status)
        return int(count[0])

    def cleanup(self) -> None:
        """Closes; the writer's removes the name, too. Done at exit as well. Idempotent."""
        if self._is_open and self._pid == getpid():
            self._is_open = False
            check(lib.smipc_circular_buffer_close(self._handle))

    close = cleanup

    def __enter__(self) -> Self:
        if not self._is_open:
            raise self._error(ClosedError, "it is closed")
        return self

    def __exit__(self, *_: object) -> None:
        self.cleanup()

    def __str__(self) -> str:
        opening = f"{type(self).__name__} ({self._label()})"
        if self._writes or not self._is_open:
            return opening
        try:
            return f"{opening} ({self.usage:.2%} full)"
        except SmipcError:  # in a forked child, say: text is for people, and never fails
            return opening

    def __repr__(self) -> str:
        state = "writer" if self._writes else "reader"
        return f"<{type(self).__name__} {self._name!r} {state if self._is_open else 'closed'}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _attach, (type(self), self._name)

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            self._let_go()

    def _let_go(self) -> None:
        _named._live.pop(id(self), None)
        if self._is_open and self._pid == getpid():
            self._is_open = False
            lib.smipc_circular_buffer_close(self._handle)

    def _status(self) -> Any:
        out = ffi.new("smipc_circular_buffer_status *")
        out.struct_size = ffi.sizeof("smipc_circular_buffer_status")
        check(lib.smipc_circular_buffer_get_status(self._handle, out))
        return out

    def _for_reading(self) -> None:
        if self._writes:
            raise self._error(ReadOperationsForbidden, "the writer cannot read it")

    def _failure(self, status: int) -> SmipcError:
        """The error for the last call. A wrong end comes first: it is the program that is wrong."""
        if status == _abi.SMIPC_E_WRONG_END:
            kind = ReadOperationsForbidden if self._writes else WriteOperationsForbidden
            return make(kind, last_error())
        if not self._is_open:
            return self._error(ClosedError, "it is closed")
        if status == _abi.SMIPC_E_BUSY:
            return make(ReaderOvertaken, last_error())
        return error(status)

    def _overflow(self, item: int) -> OverflowError:
        return OverflowError(
            f"circular buffer '{self._label()}': {shown(item)} does not fit {self._item_size} bytes"
        )

    def _integer(self, item: Any) -> int:
        try:
            if not isinstance(item, bool):
                return index(item)
        except TypeError:  # also of a class, or of an array
            pass
        raise self._error(InvalidTypeError, f"an item is an integer, not {kind_and_value(item)}")

    def _checked(self, check: Callable[[bytes, Buffer], Any], given: Buffer) -> Any:
        try:
            return check(b"", given)
        except (InvalidArgumentError, InvalidTypeError) as wrong:
            raise self._error(type(wrong), str(wrong)) from None

    def _number(self, what: str, value: int, lowest: int, highest: int) -> int:
        try:
            return whole_number(b"", what, value, lowest, highest)
        except (InvalidArgumentError, InvalidTypeError) as wrong:
            raise self._error(type(wrong), str(wrong)) from None

    def _raw_name(self) -> bytes:
        if not isinstance(self._name, (str, bytes)):
            raise InvalidTypeError(
                f"a circular buffer's name must be str or bytes, not {kind_and_value(self._name)}"
            )
        try:
            return self._name.encode() if isinstance(self._name, str) else self._name
        except UnicodeEncodeError:
            raise InvalidArgumentError(
                f"a circular buffer's name that is no Unicode text: {clipped(self._name)}"
            ) from None

    def _label(self) -> str:
        return self._name if isinstance(self._name, str) else printable(self._name)

    def _error(self, kind: type[SmipcError], text: str) -> SmipcError:
        return make(kind, f"circular buffer '{self._label()}': {text}")


def _attach(kind: type[SharedCircularBuffer], name: str | bytes) -> SharedCircularBuffer:
    return kind(name)
