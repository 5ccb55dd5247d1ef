"""Attribute access to a shared structure: `editor.data_xy.x = 99`, checked, and read-only for
readers.

A view looks at the mapping that was current when it was made. It keeps that memory, so that using
an old one can never crash; whether it still means something is for whoever kept it.
"""

from __future__ import annotations

import operator

from smipc.errors import InvalidTypeError, kind_and_value, shown
from smipc.struct import values
from smipc.struct.errors import UnknownFieldError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from smipc.struct.layout import Kind


class View:
    """What both kinds have in common. `_touch` is called after each write; None: it is
    read-only."""

    __slots__ = ("_holder", "_kind", "_path", "_touch")

    _holder: Any
    _kind: Kind
    _path: str
    _touch: Callable[[], None] | None

    def __init__(
        self, kind: Kind, holder: Any, path: str, touch: Callable[[], None] | None
    ) -> None:
        for name, value in zip(View.__slots__, (holder, kind, path, touch), strict=True):
            object.__setattr__(self, name, value)

    def _get(self, step: str | int) -> Any:
        child = values.child_of(self._kind, step, self._path)
        text = child.item is not None and child.item.what in ("char", "wchar")
        if child.what not in ("array", "struct") or text:
            return values.read(child, self._holder, step)
        kind = StructView if child.what == "struct" else ArrayView
        path = f"{self._path}.{step}" if isinstance(step, str) else f"{self._path}[{step}]"
        return kind(child, values.get(self._holder, step), path, self._touch)

    def _set(self, step: str | int, value: Any) -> None:
        child = values.child_of(self._kind, step, self._path)
        if self._touch is None:
            raise InvalidTypeError(f"{self._path} is open for reading, and cannot be changed")
        field = self._kind.field(step) if isinstance(step, str) else None
        path = f"{self._path}.{step}" if isinstance(step, str) else f"{self._path}[{step}]"
        values.write(child, self._holder, step, value, field.bits if field else None, path)
        self._touch()


class StructView(View):
    """A structure: its fields are attributes."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._get(name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._set(name, value)

    def __dir__(self) -> list[str]:
        return [field.name for field in self._kind.fields]

    def __repr__(self) -> str:
        pairs = (f"{field.name}={getattr(self, field.name)!r}" for field in self._kind.fields)
        return f"{self._kind.type.__name__}({', '.join(pairs)})"


class ArrayView(View):
    """An array: its items by number, negative ones from the end; slices are lists of values."""

    __slots__ = ()

    def __len__(self) -> int:
        return self._kind.length

    def _index(self, index: Any) -> int:
        try:
            number = operator.index(index)
        except TypeError:  # also of a class, or of an array
            kind = kind_and_value(index)
            raise InvalidTypeError(f"{self._path} takes numbers of items, not {kind}") from None
        if not -len(self) <= number < len(self):
            raise _OutOfArrayError(
                f"{self._path} has {len(self)} items, and no item {shown(number)}"
            )
        return number % len(self)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self._get(number) for number in range(*index.indices(len(self)))]
        return self._get(self._index(index))

    def __setitem__(self, index: Any, value: Any) -> None:
        self._set(self._index(index), value)

    def __iter__(self) -> Iterator[Any]:
        return (self._get(number) for number in range(len(self)))

    def __eq__(self, other: object) -> bool:
        return list(self) == other

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(list(self))


class _OutOfArrayError(UnknownFieldError, IndexError):
    """An index that the array does not have."""
