"""What the manager, the editor and the reader of a structure have in common: the open file, its
lock, and reading.

`self._root` is a ctypes structure on the shared memory. It changes when the file has been replaced,
which is noticed when the lock is taken. Its memory goes with the last thing made of it.
"""

from __future__ import annotations

import ctypes
import os
from itertools import repeat

from smipc import _abi, _cleaning
from smipc._native import ffi, lib
from smipc._timing import POLL, deadline_after, has_passed, slice_ns
from smipc.errors import (
    ClosedError,
    InvalidArgumentError,
    InvalidTypeError,
    SmipcError,
    TimedOutError,
    check,
    error,
    kind_and_value,
    make,
)
from smipc.struct import registry, values
from smipc.struct.errors import CutOffEditWarning, UnknownFieldError
from smipc.struct.files import Files
from smipc.struct.layout import code_of, layout_of
from smipc.struct.views import StructView

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType
    from typing import Any

    from typing_extensions import Self

    from smipc.struct.base_struct import BaseMmapStructure
    from smipc.struct.files import Folder

_TIMED_OUT = _abi.SMIPC_E_TIMED_OUT
_INTERRUPTED = _abi.SMIPC_E_INTERRUPTED
_lock = lib.smipc_structure_lock
_unlock = lib.smipc_structure_unlock
_back_out = lib.smipc_structure_back_out
_enter = lib.smipc_structure_enter


class _Keeper:
    """The destructor of a borrowed pointer: it does nothing but keep the handle until then."""

    __slots__ = ("_handle",)

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    def __call__(self, _: Any) -> None:
        pass


class MappedStructure:
    """Base of DataStructMmapManager, DataStructMmapEditor and DataStructMmapReader."""

    __slots__ = (
        "__weakref__",
        "_address",
        "_code",
        "_cut_off_pid",
        "_enters",
        "_files",
        "_handle",
        "_kind",
        "_leaves",
        "_out",
        "_root",
        "_structure",
        "_tag",
        "_timeout",
    )

    _mode = _abi.SMIPC_SHARED
    _writes = False

    def __init__(
        self,
        mmapStructName: str | type[BaseMmapStructure],
        mmapDir: Folder = None,
        tag: str | None = None,
        fastenerDir: Folder = None,
        *,
        timeout: float | None = None,
    ) -> None:
        self._handle = ffi.NULL
        self._prepare(mmapStructName, mmapDir, tag, fastenerDir, timeout)
        self.openMemory()

    def _prepare(
        self,
        name: str | type[BaseMmapStructure],
        folder: Folder,
        tag: str | None,
        lock_folder: Folder,
        timeout: float | None,
    ) -> None:
        deadline_after(b"", timeout)
        self._structure = registry.structure_named(name)
        self._kind = layout_of(self._structure)
        self._code = code_of(self._structure)
        self._files = Files(self._structure.__name__, tag, folder, lock_folder)
        self._tag = tag
        self._timeout = timeout
        self._cut_off_pid: int | None = None
        self._out: tuple[Any, Any] = ffi.new("uint32_t *"), ffi.new("void **")
        self._address: Any = None
        self._root: Any = None
        self._enters: Iterable[int] = ()
        self._leaves: Iterable[int] = ()

    @staticmethod
    def setUserStructs(modules: Iterable[str | ModuleType]) -> None:
        """Registers the structures of modules, given by their names or themselves, for this
        process.

        UnknownStructureError (no such module, or no structure in it), InvalidTypeError,
        InvalidArgumentError.
        """
        registry.register(modules)

    # ---- Opening and closing

    def openMemory(self) -> None:
        """Opens and maps the file; the constructor does so, and again it can be done after
        closeMemory(). NotFoundError, AccessDeniedError, InvalidArgumentError (the file holds
        another structure), NotSmipcError."""
        if self._handle:
            return
        options, kept = self._files.options(self._code, not self._writes)
        out = ffi.new("smipc_structure **")
        raw = self._files.raw()
        check(lib.smipc_structure_open(raw, len(raw), self._kind.size, options, out))
        del kept
        handle = ffi.gc(out[0], lib.smipc_structure_free)
        address = ffi.new("void **")
        check(lib.smipc_structure_data(handle, address))
        self._bind(handle, address[0])
        self._handle = handle
        _cleaning.note(self)

    def closeMemory(self) -> None:
        """Unlocks, and closes the file. What was made of its memory goes on working, by itself.
        Idempotent."""
        handle, self._handle = self._handle, ffi.NULL
        self._root = self._address = None
        self._enters = self._leaves = ()
        if handle:
            lib.smipc_structure_close(handle)

    close = closeMemory

    @property
    def path(self) -> str:
        """Of the file. Its lock is at lockPath."""
        return self._files.data

    @property
    def lockPath(self) -> str:
        """Of the lock's file."""
        return self._files.lock

    @property
    def code(self) -> int:
        """The code of the structure's name and layout, which the header holds."""
        return self._code

    def _bind(self, handle: Any, address: Any) -> None:
        kept = ffi.gc(ffi.cast("char *", address), _Keeper(handle))
        memory = ffi.buffer(kept, self._kind.size)
        if self._writes:
            self._root = self._structure.from_buffer(memory)
        else:
            # Never for users: ctypes would let them write, and the memory would not.
            self._root = self._structure.from_address(int(ffi.cast("uintptr_t", address)))
            self._root._smipc_memory = memory
        self._address = address
        # Each step is a call: to take the lock if it is free, and to give it back.
        self._enters = map(_enter, repeat(handle), repeat(self._mode), repeat(address))
        self._leaves = map(_unlock, repeat(handle))

    def _opened(self) -> Any:
        root = self._root
        if root is None:
            raise self._error(ClosedError, "it is closed")
        return root

    def _error(self, kind: type[SmipcError], text: str) -> SmipcError:
        return make(kind, f"structure '{self._files.data}': {text}")

    # ---- Locking

    def lock(self, blocking: bool = True, timeout: float | None = None) -> bool:
        """Takes the lock: a reader shares it, an editor and a manager have it alone. False: the
        timeout passed, or blocking is False and others have it.

        BusyError: this thread has it already, by this handle. ClosedError. After NotFoundError or
        InvalidArgumentError (the file was replaced by one that does not fit) it is not locked.
        """
        if not isinstance(blocking, bool):
            kind = kind_and_value(blocking)
            raise InvalidTypeError(f"blocking must be True or False, not {kind}")
        if not blocking:
            if timeout is not None:
                raise InvalidArgumentError(f"a timeout ({timeout!r}) without blocking: no sense")
            timeout = 0
        return self._take(deadline_after(b"", timeout))

    def unlock(self) -> None:
        """Gives the lock back. InvalidArgumentError when this handle does not hold it."""
        self._opened()
        check(_unlock(self._handle))

    def _take(self, deadline: int | None) -> bool:
        self._opened()
        status = _TIMED_OUT
        pid, data = self._out
        wait = slice_ns(deadline)
        try:
            while True:
                # By an iterator: nothing can come between the call and the store of its result.
                for given in map(_lock, (self._handle,), (self._mode,), (wait,), (pid,), (data,)):
                    status = given
                if not status:
                    self._entered(pid[0], data[0])
                    return True
                if status != _TIMED_OUT and status != _INTERRUPTED:
                    self._opened()
                    raise error(status)
                if deadline == POLL or has_passed(deadline):
                    return False
                wait = slice_ns(deadline)
        except BaseException:
            if not status and self._handle:
                _back_out(self._handle)
            raise

    def _entered(self, pid: int, address: Any) -> None:
        if address != self._address:
            self._bind(self._handle, address)
        if pid:
            import warnings

            self._cut_off_pid = pid
            warnings.warn(
                f"structure '{self._files.data}': process {pid} ended in the middle of an edit",
                CutOffEditWarning,
                stacklevel=4,
            )
        else:
            self._cut_off_pid = None

    @property
    def cutOffPid(self) -> int | None:
        """As of the last time it was locked: the process that died in an edit, if none has ended
        well since. Then the structure may be half changed."""
        if self._cut_off_pid is not None and self._handle:  # the fast way in does not look
            check(lib.smipc_structure_cut_off(self._handle, self._out[0]))
            self._cut_off_pid = self._out[0][0] or None
        return self._cut_off_pid

    def __enter__(self) -> Self:
        # The fast way. After the call nothing can come before the return (see smipc/_end.py).
        for status in self._enters:
            if not status:
                return self
            if status > 0:
                return self._entered_with_news()
            break
        if not self._take(deadline_after(b"", self._timeout)):
            raise self._error(TimedOutError, f"not locked within {self._timeout} s")
        return self

    def __exit__(self, *_: object) -> None:
        for status in self._leaves:  # none: it was closed inside
            if status:
                raise error(status)
            return

    def _entered_with_news(self) -> Self:
        pid, data = self._out
        try:
            check(lib.smipc_structure_cut_off(self._handle, pid))
            check(lib.smipc_structure_data(self._handle, data))
            self._entered(pid[0], data[0])
            return self
        except BaseException:
            _back_out(self._handle)
            raise

    # ---- Reading

    @property
    def data(self) -> StructView:
        """The structure, with its fields as attributes: also those whose names are methods here."""
        return StructView(
            self._kind,
            self._opened(),
            self._structure.__name__,
            self._touch if self._writes else None,
        )

    def _touch(self) -> None:
        raise NotImplementedError

    def readData(self, name: str) -> Any:
        """The value of a field: "a", "a.b", "a[3].b". Arrays come as lists, structures as copies.
        UnknownFieldError, ClosedError."""
        holder, kind, step, _, _ = self._find(name)
        return values.read(kind, holder, step)

    def readMappedBuffer(self) -> BaseMmapStructure:
        """A copy of the structure as it is now."""
        address = ctypes.addressof(self._opened())
        return self._structure.from_buffer_copy(ctypes.string_at(address, self._kind.size))

    def referMappedBuffer(self) -> Any:
        """The structure itself, without a copy: for a reader a view that refuses to be changed, for
        an editor the ctypes structure on the shared memory, which checks nothing."""
        return self._opened() if self._writes else self.data

    def getLastUpdate(self) -> float:
        """When the structure was last changed, in seconds since 1970; 0.0: never."""
        return float(self._opened().header.last_update)

    def _find(self, name: str) -> tuple[Any, Any, str | int, int | None, str]:
        """Holder, kind, step, bits and path of a field."""
        steps = values.steps_of(name)
        holder, kind = self._opened(), self._kind
        path = self._structure.__name__
        for step in steps[:-1]:
            kind, holder = values.child_of(kind, step, path), values.get(holder, step)
            path = f"{path}.{step}" if isinstance(step, str) else f"{path}[{step}]"
        last = steps[-1]
        child = values.child_of(kind, last, path)
        field = kind.field(last) if isinstance(last, str) else None
        path = f"{path}.{last}" if isinstance(last, str) else f"{path}[{last}]"
        return holder, child, last, field.bits if field else None, path

    def __getattr__(self, name: str) -> Any:
        """A field as an attribute."""
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        if name in _EDITING and self._kind.field(name) is None:
            raise UnknownFieldError(f"{type(self).__name__} only reads, and has no {name}()")
        return getattr(self.data, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _OWN:
            object.__setattr__(self, name, value)
        else:
            setattr(self.data, name, value)

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *(field.name for field in self._kind.fields)})

    def __repr__(self) -> str:
        state = "" if self._handle else ", closed"
        return f"<{type(self).__name__} {self._files.data!r}{state}>"

    def __reduce__(self) -> tuple[Any, ...]:
        """In another process, or another current folder: the same file, opened there."""
        folder, lock_folder = map(os.path.dirname, (self._files.data, self._files.lock))
        given = (folder, self._tag, lock_folder, self._timeout)
        return _open_again, (type(self), self._structure, *given)


_OWN = frozenset(MappedStructure.__slots__)
_EDITING = frozenset({"writeData", "clearMappedBuffer", "updateLastUpdate"})  # not of readers


def _open_again(
    kind: type[MappedStructure],
    structure: type[BaseMmapStructure],
    folder: Folder,
    tag: str | None,
    lock_folder: Folder,
    timeout: float | None,
) -> MappedStructure:
    return kind(structure, folder, tag, lock_folder, timeout=timeout)
