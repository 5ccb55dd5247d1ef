"""NamedSharedMemory: the operating system's named shared memory, which any program can open."""

from __future__ import annotations

import mmap
import sys

from smipc import _abi
from smipc._flags import Flags
from smipc._named import NamedObject
from smipc._native import ffi, lib
from smipc.errors import InvalidArgumentError, check

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from typing_extensions import Self


class Mapping(mmap.mmap):
    """What NamedSharedMemory.mmap() returns: an mmap.mmap that keeps the handle it came from, and
    so the name of a new object, until it goes itself."""

    memory: NamedSharedMemory


class _Keeper:
    """The destructor of a borrowed pointer: it does nothing but keep the handle until then."""

    __slots__ = ("_handle",)

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    def __call__(self, _: Any) -> None:
        pass


class NamedSharedMemory(NamedObject):
    """Memory that processes share.

        with NamedSharedMemory("/table", 4096, handle_existence=Flags.LINK_OR_CREATE) as memory:
            table = numpy.frombuffer(memory.buf, dtype="f8")

    `size` is of a new one, whose memory is allocated at once; an existing one must have at least so
    many bytes, and 0 takes it as it is. `read_only` opens an existing one, and takes no size. A new
    one is open to this user only. By default the handle that created it removes its name when it is
    deleted; others go on with what they have open. Any thread may use it, forked children too, and
    it can be given to a child by multiprocessing.

    FileExistsError, FileNotFoundError, PermissionError, ValueError as their names say; NoSpaceError
    (an OSError) says how much shared memory there is and how much is needed.
    """

    __slots__ = ("_address", "_read_only", "_size")

    _what = "shared memory"
    _prefix = "smipc_memory"

    def __init__(
        self,
        name: str | bytes,
        size: int = 0,
        read_only: bool = False,
        handle_existence: Flags = Flags.RAISE_IF_NOT_EXISTS,
        unlink_on_delete: bool | None = None,
    ) -> None:
        super().__init__(name, handle_existence, unlink_on_delete)
        number = self._number("size", size, 0, _abi.SMIPC_MAX_MEMORY)
        self._read_only = self._yes_or_no("read_only", read_only)
        self._open(handle_existence, unlink_on_delete, number, int(read_only))
        address, got = ffi.new("void **"), ffi.new("uint64_t *")
        check(lib.smipc_memory_data(self._handle, address, got))
        self._address: Any = address[0]
        self._size = int(got[0])

    @property
    def size(self) -> int:
        """In bytes; on Windows whole pages."""
        return self._size

    @property
    def read_only(self) -> bool:
        """Whether this handle may only be read."""
        return self._read_only

    @property
    def fd(self) -> int:
        """The descriptor behind it, which stays this handle's: close() closes it.
        ClosedError; UnsupportedError on Windows, which has none."""
        out = ffi.new("int32_t *")
        check(lib.smipc_memory_fd(self._opened(), out))
        return int(out[0])

    @property
    def buf(self) -> memoryview:
        """All of it, without a copy. The view, and whatever is made of it, may outlive close(),
        this handle and the name: it keeps the memory. ClosedError."""
        self._opened()
        if self._size == 0:
            view = memoryview(bytearray())
        else:
            kept = ffi.gc(ffi.cast("char *", self._address), _Keeper(self._handle))
            view = memoryview(ffi.buffer(kept, self._size)).cast("B")
        return view.toreadonly() if self._read_only else view

    def mmap(self) -> mmap.mmap:
        """The memory as an mmap.mmap of its own. ClosedError; ValueError when it has no bytes."""
        self._opened()
        if self._size == 0:
            raise self._error(InvalidArgumentError, "it has 0 bytes, which cannot be mapped")
        access = mmap.ACCESS_READ if self._read_only else mmap.ACCESS_WRITE
        if sys.platform == "win32":
            mapping = Mapping(-1, self._size, tagname=f"Local\\{self._name[1:]}", access=access)
        else:
            mapping = Mapping(self.fd, self._size, access=access)
        mapping.memory = self
        return mapping

    def __buffer__(self, flags: int) -> memoryview:
        return self.buf

    def __enter__(self) -> Self:
        self._opened()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        """In another process: a handle to the same memory, which does not unlink it."""
        return type(self), (self._name, 0, self._read_only, Flags.RAISE_IF_NOT_EXISTS, False)
