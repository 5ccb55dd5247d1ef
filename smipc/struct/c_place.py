"""Where C puts the fields of a structure, and the padding that moves one to where ctypes has it.

The rules are those of gcc and clang; on Windows, of MSVC. ctypes has its own for bit fields, and it
begins the fields of a derived structure behind the padding of its base.
"""

from __future__ import annotations

import ctypes
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from smipc.struct.layout import Field

_LIKE_MSVC = sys.platform == "win32"


def alignment(type_: type, pack: int) -> int:
    """In bytes, within a structure of that `_pack_` (0: none)."""
    natural = ctypes.alignment(type_)
    return min(natural, pack) if pack else natural


class Place:
    """How far C has come in a structure. All numbers are bits from its beginning."""

    def __init__(self, pack: int) -> None:
        self.end = 0
        self._pack = pack
        self._unit_end = 0  # where a new unit of bit fields may begin: `end`, but for MSVC
        self._bits: Field | None = None  # the last field, if it is a bit field

    def next(self, field: Field) -> int:
        """Where C would put it now."""
        align = 8 * alignment(field.kind.type, self._pack)
        size = 8 * field.kind.size
        if field.bits is None:
            return _round_up(self._unit_end, align)
        if _LIKE_MSVC:
            return self.end if self._continues(field) else _round_up(self._unit_end, align)
        # It may not lie across more units than its type does; of packed ones it may.
        units = (self.end + field.bits - 1) // align - self.end // align + 1
        across = units > size // align and not self._pack
        return _round_up(self.end, align) if across else self.end

    def put(self, field: Field, at: int) -> None:
        size = 8 * field.kind.size
        if _LIKE_MSVC and field.bits is not None:
            if not self._continues(field):
                self._unit_end = at + size
            self.end = at + field.bits
        else:
            self.end = self._unit_end = at + (size if field.bits is None else field.bits)
        self._bits = field if field.bits is not None else None

    def size(self, align: int) -> int:
        """Of the structure, if this is its end."""
        return _round_up(self._unit_end, 8 * align)

    def end_unit(self, limit: int) -> Field | None:
        """As a bit field of width 0 and the last one's type does. None: there is none that could,
        or it would lead beyond the limit."""
        last = self._bits
        if last is None or (self._pack and not _LIKE_MSVC):
            return None
        align = 8 * alignment(last.kind.type, 0)
        end = self._unit_end if _LIKE_MSVC else _round_up(self.end, align)
        if end > limit:
            return None
        self.end = self._unit_end = end
        self._bits = None
        return last

    def fill(self, to: int) -> list[int]:
        """The widths of unnamed bit fields of a byte's type that lead to there."""
        widths = []
        while self.end < to:
            width = min(8 - self.end % 8, to - self.end)
            widths.append(width)
            self.end += width
        self._unit_end = self.end
        return widths

    def _continues(self, field: Field) -> bool:
        last = self._bits
        same = last is not None and last.kind.size == field.kind.size
        return same and self.end + (field.bits or 0) <= self._unit_end


def _round_up(value: int, to: int) -> int:
    return -(-value // to) * to
