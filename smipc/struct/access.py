"""DataStructMmapManager, DataStructMmapEditor and DataStructMmapReader: who may do what."""

from __future__ import annotations

import ctypes
import os
from time import time

from smipc import _abi
from smipc._native import lib
from smipc._timing import POLL, deadline_after, has_passed, slice_ns
from smipc.errors import BY_STATUS, InternalError, InvalidTypeError, error, kind_and_value
from smipc.struct import values
from smipc.struct.errors import StructureFileError
from smipc.struct.mapped import MappedStructure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from smipc.struct.base_struct import BaseMmapStructure
    from smipc.struct.files import Folder

# Of creating: the file cannot be made there.
_NOT_MADE = {
    _abi.SMIPC_E_NOT_FOUND,
    _abi.SMIPC_E_PERMISSION,
    _abi.SMIPC_E_NOT_SMIPC,
    _abi.SMIPC_E_NO_SPACE,
    _abi.SMIPC_E_LIMIT,
    _abi.SMIPC_E_OS,
}


class DataStructMmapReader(MappedStructure):
    """Reads a structure that processes share. `with reader:` shares the lock with other readers."""

    __slots__ = ()


class DataStructMmapEditor(MappedStructure):
    """Reads and writes a structure that processes share.

        with DataStructMmapEditor("Robot") as editor:
            editor.writeData("position.x", 99)
            editor.position.y = 3  # the same, and checked as well

    `with` has the lock alone. It can be entered again and again; `timeout` says how long it waits
    (TimedOutError). Each write sets the time of the last update.
    """

    __slots__ = ()

    _mode = _abi.SMIPC_EXCLUSIVE
    _writes = True

    def writeData(self, name: str, value: Any) -> None:
        """Sets a field: "a", "a.b", "a[3].b". Arrays take sequences of their length, structures a
        dict of fields or a structure of the same type, char arrays bytes of at most their length.

        UnknownFieldError, InvalidTypeError, InvalidArgumentError, with nothing written;
        ClosedError.
        """
        holder, kind, step, bits, path = self._find(name)
        values.write(kind, holder, step, value, bits, path)
        self._touch()

    def clearMappedBuffer(self) -> None:
        """Sets every field but the header to zero."""
        root = self._opened()
        start = type(root).header.size
        ctypes.memset(ctypes.addressof(root) + start, 0, self._kind.size - start)
        self._touch()

    def updateLastUpdate(self) -> None:
        """Sets the time of the last update to now."""
        self._opened()
        self._touch()

    def _touch(self) -> None:
        self._root.header.last_update = time()


class DataStructMmapManager(DataStructMmapEditor):
    """An editor that can also make the file.

        DataStructMmapManager("Robot", mmapDir="/run/robot", create=True)

    `create` makes it, all zero: FileExistsError when there is one, which `force` replaces; those
    who have the old one open keep it until they lock the next time, and then have the new one.
    Without `create` it opens what is there. StructureFileError (an OSError): the file cannot be
    made.
    """

    __slots__ = ()

    def __init__(
        self,
        mmapStructName: str | type[BaseMmapStructure],
        mmapDir: Folder = None,
        tag: str | None = None,
        fastenerDir: Folder = None,
        create: bool = False,
        force: bool = False,
        *,
        timeout: float | None = None,
    ) -> None:
        for what, value in (("create", create), ("force", force)):
            if not isinstance(value, bool):
                raise InvalidTypeError(f"{what} must be True or False, not {kind_and_value(value)}")
        if create:
            self._prepare(mmapStructName, mmapDir, tag, fastenerDir, timeout)
            self._create(force, deadline_after(b"", timeout))
        super().__init__(mmapStructName, mmapDir, tag, fastenerDir, timeout=timeout)

    def _create(self, force: bool, deadline: int | None) -> None:
        options, kept = self._files.options(self._code, False)
        raw = self._files.raw()
        while True:
            wait = slice_ns(deadline)
            status = lib.smipc_structure_create(
                raw, len(raw), self._kind.size, int(force), wait, options
            )
            if status not in (_abi.SMIPC_E_TIMED_OUT, _abi.SMIPC_E_INTERRUPTED):
                break
            if deadline == POLL or has_passed(deadline):
                break
        del kept
        if status in _NOT_MADE:
            cause = error(status)
            number = BY_STATUS.get(status, InternalError)._errno or StructureFileError._errno
            text = str(cause) or os.strerror(number)
            raise StructureFileError(number, text) from cause
        if status:
            raise error(status)
