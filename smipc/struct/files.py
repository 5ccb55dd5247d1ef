"""Where a structure's files are, and what the native library is told of them."""

from __future__ import annotations

import os

from smipc import _abi
from smipc._native import ffi
from smipc.errors import InvalidArgumentError, InvalidTypeError, clipped, kind_and_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Folder = str | bytes | os.PathLike[str] | None


class Files:
    """The paths of one structure: NAME.mmap or NAME.TAG.mmap, and the same with .lock behind it."""

    __slots__ = ("data", "lock")

    def __init__(self, name: str, tag: str | None, folder: Folder, lock_folder: Folder) -> None:
        if tag is not None and not isinstance(tag, str):
            raise InvalidTypeError(f"{name}: a tag is a str, not {kind_and_value(tag)}")
        if tag and not all(letter.isalnum() or letter in "-_." for letter in tag):
            raise InvalidArgumentError(
                f"{name}: a tag is made of letters, digits, '-', '_' and '.': {clipped(tag)}"
            )
        file = f"{name}.{tag}.mmap" if tag else f"{name}.mmap"
        where = _folder(name, "mmapDir", folder)
        locks = where if lock_folder is None else _folder(name, "fastenerDir", lock_folder)
        self.data = os.path.join(where, file)
        self.lock = os.path.join(locks, file + ".lock")

    def raw(self) -> bytes:
        return os.fsencode(self.data)

    def options(self, code: int, read_only: bool) -> tuple[Any, Any]:
        """The native options, and what they point to."""
        options = ffi.new("smipc_structure_options *")
        lock = os.fsencode(self.lock)
        kept = ffi.from_buffer(lock)
        options.struct_size = ffi.sizeof("smipc_structure_options")
        options.access = _abi.SMIPC_ACCESS_USER
        options.read_only = int(read_only)
        options.code = code
        options.lock_path = kept
        options.lock_path_size = len(lock)
        return options, kept


def _folder(name: str, what: str, folder: Folder) -> str:
    try:
        path = os.path.abspath(os.fsdecode("." if folder is None else folder))
    except TypeError:
        raise InvalidTypeError(
            f"{name}: {what} must be a path, not {kind_and_value(folder)}"
        ) from None
    if "\0" in path:
        raise InvalidArgumentError(f"{name}: {what} must not contain a NUL byte: {clipped(folder)}")
    return path
