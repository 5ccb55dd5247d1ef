"""NamedSemaphore: the operating system's named semaphore, which any other program can open."""

from __future__ import annotations

from smipc import _abi
from smipc._flags import Flags
from smipc._named import NamedObject
from smipc._native import ffi, lib
from smipc._timing import has_passed, slice_ns
from smipc.errors import InvalidArgumentError, check, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from typing_extensions import Self

_TIMED_OUT = _abi.SMIPC_E_TIMED_OUT
_INTERRUPTED = _abi.SMIPC_E_INTERRUPTED
_acquire = lib.smipc_semaphore_acquire
_release = lib.smipc_semaphore_release


class NamedSemaphore(NamedObject):
    """A counter that processes share: `acquire` takes one and waits while it is 0, `release` gives.

        with NamedSemaphore("/turns", handle_existence=Flags.LINK_OR_CREATE) as semaphore:
            ...  # entered when one was acquired; leaving releases it

    `initial_value` counts when it is created. A new one is open to this user only. By default the
    handle that created it removes its name when it is deleted; others go on with what they have
    open. Any thread may use it, forked children too, and it can be given to a child by
    multiprocessing. What a killed process had acquired stays acquired, as the OS has it.

    FileExistsError, FileNotFoundError, PermissionError, ValueError as their names say.
    """

    __slots__ = ()

    _what = "semaphore"
    _prefix = "smipc_semaphore"

    def __init__(
        self,
        name: str | bytes,
        initial_value: int = 1,
        handle_existence: Flags = Flags.RAISE_IF_NOT_EXISTS,
        unlink_on_delete: bool | None = None,
    ) -> None:
        super().__init__(name, handle_existence, unlink_on_delete)
        number = self._number("initial_value", initial_value, 0, _abi.SMIPC_MAX_SEMAPHORE)
        self._open(handle_existence, unlink_on_delete, number)

    @property
    def linked_existing_semaphore(self) -> bool:
        """The same as linked_existing_object."""
        return self._linked

    @property
    def value(self) -> int:
        """How many can be acquired without waiting, as of now. ClosedError."""
        out = ffi.new("uint32_t *")
        check(lib.smipc_semaphore_value(self._opened(), out))
        return int(out[0])

    def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:
        """Takes one, waiting while there is none: `timeout` seconds, or for ever when that is None.

        False: the timeout passed, or blocking is False and there was none. Signal handlers run
        while it waits, and what they raise ends it with nothing taken. ClosedError, ValueError.
        """
        if timeout is None and blocking is True:
            # The first try costs no clock, and no result can be lost between two lines.
            for status in map(_acquire, (self._handle,), (0,)):
                if not status:
                    return True
                return self._acquire_slowly(status, None)
        if not self._yes_or_no("blocking", blocking):
            if timeout is not None:
                raise self._error(
                    InvalidArgumentError, f"a timeout ({timeout!r}) without blocking makes no sense"
                )
            timeout = 0
        deadline = self._deadline(timeout)
        for status in map(_acquire, (self._handle,), (0,)):
            if not status:
                return True
            return self._acquire_slowly(status, deadline)
        raise AssertionError("unreachable")

    def _acquire_slowly(self, status: int, deadline: int | None) -> bool:
        self._opened()
        while True:
            if status != _TIMED_OUT and status != _INTERRUPTED:
                raise error(status)
            if has_passed(deadline):
                return False
            for given in map(_acquire, (self._handle,), (slice_ns(deadline),)):
                if not given:
                    return True
                status = given

    def release(self, n: int = 1) -> None:
        """Gives `n` back and wakes as many who wait. More than the OS can count is a ValueError,
        and nothing has been given (unless others released in that very moment: the text says).
        ClosedError."""
        if type(n) is not int or n != 1:
            n = self._number("n", n, 1, _abi.SMIPC_MAX_SEMAPHORE)
        status = _release(self._handle, n)
        if status:
            self._opened()
            raise error(status)

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def __reduce__(self) -> tuple[Any, ...]:
        """In another process: a handle to the same semaphore, which does not unlink it."""
        return type(self), (self._name, 1, Flags.RAISE_IF_NOT_EXISTS, False)
