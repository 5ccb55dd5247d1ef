"""SharedCircularBuffer: one writer and any number of readers, and nobody ever waits."""

from __future__ import annotations

from os import getpid
from threading import Lock
from weakref import ref

from smipc import _abi, _named
from smipc._buffers import pointer, readable, unpin, whole_number, writable
from smipc._native import ffi, last_error, lib
from smipc.errors import (
    AlreadyExistsError,
    ClosedError,
    InvalidArgumentError,
    InvalidTypeError,
    SmipcError,
    WrongEndError,
    check,
    error,
    make,
    printable,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from typing_extensions import Buffer, Self

_push = lib.smipc_circular_buffer_push
_pop = lib.smipc_circular_buffer_pop


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
        "_lock",
        "_name",
        "_one",
        "_one_count",
        "_pid",
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
        self._lock = Lock()
        self._name = name
        raw = self._raw_name()
        if not isinstance(create, bool):
            raise self._error(InvalidTypeError, f"create must be True or False, not {create!r}")
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
        self._one = ffi.new("unsigned char[]", self._item_size)
        self._one_count = ffi.new("uint64_t *")
        _named._arrange_exit()
        _named._live[id(self)] = ref(self)

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
        """The process of the writer, or of the last one."""
        return int(self._status().writer_pid)

    def push(self, item: int) -> None:
        """Adds an integer. OverflowError: it is negative, or has more than `item_size` bytes.
        WriteOperationsForbidden, ClosedError."""
        if type(item) is not int and (not isinstance(item, int) or isinstance(item, bool)):
            raise self._error(
                InvalidTypeError, f"an item is an integer, not {type(item).__name__} {item!r}"
            )
        try:
            raw = item.to_bytes(self._item_size, "big")
        except OverflowError:
            raise OverflowError(
                f"circular buffer '{self._label()}': {item} does not fit {self._item_size} bytes"
            ) from None
        status = _push(self._handle, raw, self._item_size)
        if status:
            raise self._failure(status)

    def push_bytes(self, items: Buffer) -> None:
        """Adds any number of items, as they are in a bytes-like object or a numpy array (integers
        for `popitem` have a big-endian dtype, such as ">u4"). Its size must be a multiple of
        `item_size`. WriteOperationsForbidden, ValueError, ClosedError."""
        data = readable(b"", items)
        held = pointer(data)
        try:
            status = _push(self._handle, held, len(held))
        finally:
            unpin(held)
        if status:
            raise self._failure(status)

    def popitem(self) -> int | None:
        """The next item as an integer, or None. ReadOperationsForbidden, ClosedError."""
        with self._lock:
            status = _pop(self._handle, self._one, self._item_size, self._one_count)
            if status:
                raise self._failure(status)
            if not self._one_count[0]:
                return None
            return int.from_bytes(ffi.buffer(self._one), "big")

    def popmany(self, n: int) -> list[int]:
        """Up to `n` items as integers. ReadOperationsForbidden, ClosedError."""
        raw = self.pop_bytes(n)
        size = self._item_size
        if size == 1:
            return list(raw)
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
        room = writable(b"", buffer)
        held = pointer(room)
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
        return self

    def __exit__(self, *_: object) -> None:
        self.cleanup()

    def __str__(self) -> str:
        opening = f"{type(self).__name__} ({self._label()})"
        return (
            opening if self._writes or not self._is_open else f"{opening} ({self.usage:.2%} full)"
        )

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
        return error(status)

    def _number(self, what: str, value: int, lowest: int, highest: int) -> int:
        try:
            return whole_number(b"", what, value, lowest, highest)
        except (InvalidArgumentError, InvalidTypeError) as wrong:
            raise self._error(type(wrong), str(wrong)) from None

    def _raw_name(self) -> bytes:
        if not isinstance(self._name, (str, bytes)):
            raise InvalidTypeError(
                f"a circular buffer's name must be str or bytes, not {type(self._name).__name__}"
            )
        return self._name.encode() if isinstance(self._name, str) else self._name

    def _label(self) -> str:
        return self._name if isinstance(self._name, str) else printable(self._name)

    def _error(self, kind: type[SmipcError], text: str) -> SmipcError:
        return make(kind, f"circular buffer '{self._label()}': {text}")


def _attach(kind: type[SharedCircularBuffer], name: str | bytes) -> SharedCircularBuffer:
    return kind(name)
