"""What this process has open beside channels, for clean_library()."""

from __future__ import annotations

from _weakref import ref  # the module weakref is this and a millisecond

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Closable(Protocol):
        def close(self) -> None: ...


_open: dict[int, ref[Closable]] = {}


def note(thing: Closable) -> None:
    """Of an object that has been opened."""
    key = id(thing)

    def forget(gone: ref[Closable]) -> None:
        if _open.get(key) is gone:
            del _open[key]

    _open[key] = ref(thing, forget)


def close_all() -> None:
    for reference in list(_open.values()):
        thing = reference()
        if thing is not None:
            thing.close()
