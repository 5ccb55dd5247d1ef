"""What NamedSemaphore, NamedSharedMemory and NamedMessageQueue have in common: their names, who
unlinks them, and what becomes of them when the program forgets them.

A handle of the first two survives fork and can be used in the child. Only the process that opened
it ever unlinks.
Nothing here is registered with multiprocessing's resource tracker, which would unlink objects that
others use.
"""

from __future__ import annotations

import atexit
import sys
from os import getpid
from weakref import ref

from smipc import _abi, _cleaning
from smipc._buffers import whole_number
from smipc._flags import Flags, WrongTypeError, checked_choice, checked_flags, normalised_name
from smipc._native import ffi, lib
from smipc._timing import deadline_after
from smipc.errors import (
    ClosedError,
    InvalidArgumentError,
    InvalidTypeError,
    SmipcError,
    check,
    kind_and_value,
    make,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Those of this process that are still there: they are let go at its end.
_live: dict[int, ref[Any]] = {}
_arranged_pid = 0

_UNLINKS = {
    None: _abi.SMIPC_UNLINK_IF_CREATED,
    True: _abi.SMIPC_UNLINK_ALWAYS,
    False: _abi.SMIPC_UNLINK_NEVER,
}


class NamedObject:
    """Base of the handles to named objects of the operating system."""

    __slots__ = ("__weakref__", "_handle", "_is_open", "_linked", "_name", "_pid", "_unlinks")

    _what = "object"  # in texts
    _prefix = "smipc_object"  # of the native functions

    def __init__(
        self, name: str | bytes, handle_existence: Flags, unlink_on_delete: bool | None
    ) -> None:
        self._is_open = False
        self._unlinks = False
        self._handle = ffi.NULL
        self._pid = getpid()
        self._name = normalised_name(self._what, name)
        checked_flags(self._what, self._name, handle_existence)
        checked_choice(self._what, self._name, "unlink_on_delete", unlink_on_delete)

    def _open(
        self,
        handle_existence: Flags,
        unlink_on_delete: bool | None,
        *given: int,
    ) -> None:
        """Opens the native handle with what goes between the name and the options."""
        options = ffi.new("smipc_object_options *")
        lib.smipc_object_options_init(options)
        options.existence = int(handle_existence)
        # Done here, when the handle is let go; the library sees to it if this process is killed.
        options.unlink = _UNLINKS[unlink_on_delete]
        created = ffi.new("int32_t *")
        out = ffi.new(f"{self._prefix} **")
        raw = self._name.encode()
        opener = getattr(lib, f"{self._prefix}_open")
        check(opener(raw, len(raw), *given, options, created, out))
        self._linked = not created[0]
        self._unlinks = created[0] == 1 if unlink_on_delete is None else unlink_on_delete
        self._handle = _owned(out[0], getattr(lib, f"{self._prefix}_free"))
        self._is_open = True
        _arrange_exit()
        _live[id(self)] = ref(self)
        _cleaning.note(self)

    @property
    def name(self) -> str:
        """The name as "/name"."""
        return self._name

    @property
    def linked_existing_object(self) -> bool:
        """Whether the object was there already, rather than created by this handle."""
        return self._linked

    @property
    def unlink_on_delete(self) -> bool:
        """Whether the name is removed when this handle is deleted, or its process ends."""
        return self._unlinks

    @property
    def closed(self) -> bool:
        """Whether this handle is closed."""
        return not self._is_open

    def close(self) -> None:
        """Ends the use of the object by this handle. The name stays until the handle is deleted.
        Idempotent."""
        if self._is_open:
            self._is_open = False
            getattr(lib, f"{self._prefix}_close")(self._handle)

    def unlink(self) -> None:
        """Removes the name; those who have the object open, this handle too, go on with it.

        NotFoundError when the name is gone, or belongs to another object by now; AccessDeniedError.
        """
        check(getattr(lib, f"{self._prefix}_unlink_own")(self._handle))

    def _opened(self) -> Any:
        """The native handle. ClosedError."""
        if not self._is_open:
            raise self._error(ClosedError, "it is closed")
        return self._handle

    def _deadline(self, timeout: float | None) -> int | None:
        try:
            return deadline_after(b"", timeout)
        except InvalidTypeError as wrong:
            raise WrongTypeError(f"{self._what} '{self._name}': {wrong}") from None
        except InvalidArgumentError as wrong:
            raise self._error(InvalidArgumentError, str(wrong)) from None

    def _number(self, what: str, value: Any, lowest: int, highest: int) -> int:
        try:
            return whole_number(b"", what, value, lowest, highest)
        except InvalidTypeError as wrong:
            raise WrongTypeError(f"{self._what} '{self._name}': {wrong}") from None
        except InvalidArgumentError as wrong:
            raise self._error(InvalidArgumentError, str(wrong)) from None

    def _yes_or_no(self, what: str, value: bool) -> bool:
        if isinstance(value, bool):
            return value
        raise WrongTypeError(
            f"{self._what} '{self._name}': {what} must be True or False, not"
            f" {kind_and_value(value)}"
        )

    def _error(self, kind: type[SmipcError], text: str) -> SmipcError:
        return make(kind, f"{self._what} '{self._name}': {text}")

    def _let_go(self) -> None:
        """What deletion does, and the end of the process."""
        _live.pop(id(self), None)
        self.close()
        if self._unlinks and self._pid == getpid():
            self._unlinks = False
            getattr(lib, f"{self._prefix}_unlink_own")(self._handle)

    def __del__(self) -> None:
        if getattr(self, "_handle", None) and not sys.is_finalizing():
            self._let_go()

    def __repr__(self) -> str:
        state = "" if self._is_open else ", closed"
        return f"<{type(self).__name__} {self._name!r}{state}>"


def _owned(raw: Any, free: Any) -> Any:
    """A native handle that is freed with its last reference, a view of its memory included."""
    return ffi.gc(raw, free)


def _let_all_go() -> None:
    for reference in list(_live.values()):
        handle = reference()
        if handle is not None:
            handle._let_go()


def _arrange_exit() -> None:
    """Lets go of what is left when this process ends, also when it is a child of multiprocessing,
    which leaves without running atexit."""
    global _arranged_pid
    if _arranged_pid == getpid():
        return
    if _arranged_pid == 0:
        atexit.register(_let_all_go)
    util = sys.modules.get("multiprocessing.util")
    if util is not None:
        util.Finalize(None, _let_all_go, exitpriority=0)
    _arranged_pid = getpid()
