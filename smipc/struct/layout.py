"""The layout of a structure: its fields one by one, which is what the code, the C header and the
checks are made of."""

from __future__ import annotations

import binascii
import ctypes
import functools
import sys
from dataclasses import dataclass

from smipc.struct.base_struct import BaseMmapStructure, MmapStructureHeader
from smipc.struct.errors import StructureHeaderError, StructureLayoutError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# What a scalar of ctypes is, by the letter in its _type_. Pointers (z, Z, P, O) are of one process.
_KINDS = {
    **dict.fromkeys("bhilq", "int"),
    **dict.fromkeys("BHILQ", "uint"),
    **dict.fromkeys("fdg", "float"),
    "?": "bool",
    "c": "char",
    "u": "wchar",
}


@dataclass(frozen=True)
class Kind:
    """What a field is: "int", "uint", "float", "bool", "char", "wchar", "array" or "struct"."""

    what: str
    type: Any
    size: int
    length: int = 0  # of an array
    item: Kind | None = None  # of an array
    fields: tuple[Field, ...] = ()  # of a structure or union
    is_union: bool = False

    def field(self, name: str) -> Field | None:
        return next((field for field in self.fields if field.name == name), None)


@dataclass(frozen=True)
class Field:
    name: str
    kind: Kind
    offset: int
    bits: int | None = None  # the width of a bit field, whose offset is that of its unit
    first_bit: int = 0  # of a bit field in its unit


@functools.cache
def kind_of(type_: Any) -> Kind:
    """StructureLayoutError."""
    size = ctypes.sizeof(type_)
    if issubclass(type_, ctypes.Array):
        item = kind_of(type_._type_)
        return Kind("array", type_, size, type_._length_, item)
    if issubclass(type_, (ctypes.Structure, ctypes.Union)):
        return Kind(
            "struct",
            type_,
            size,
            fields=tuple(_fields_of(type_)),
            is_union=issubclass(type_, ctypes.Union),
        )
    letter = getattr(type_, "_type_", None)
    what = _KINDS.get(letter) if isinstance(letter, str) else None
    if what is None or _is_swapped(type_):
        raise StructureLayoutError(
            f"a {type_.__name__} means nothing in another process, and cannot be shared"
        )
    return Kind(what, type_, size)


def _is_swapped(type_: Any) -> bool:
    big, little = getattr(type_, "__ctype_be__", None), getattr(type_, "__ctype_le__", None)
    foreign = big if sys.byteorder == "little" else little
    return big is not little and type_ is foreign


def _fields_of(type_: Any) -> list[Field]:
    found = []
    if hasattr(type_, "_swappedbytes_"):
        raise StructureLayoutError(
            f"{type_.__name__} has the other byte order, which C does not have"
        )
    for base in reversed(type_.__mro__):
        for entry in base.__dict__.get("_fields_", ()):
            name, field_type, *bits = entry
            place = getattr(type_, name)
            try:
                kind = kind_of(field_type)
            except StructureLayoutError as error:
                raise StructureLayoutError(f"{type_.__name__}.{name}: {error}") from None
            width = bits[0] if bits else None
            found.append(Field(name, kind, place.offset, width, place.size & 0xFFFF if bits else 0))
    _check_fields(type_, found)
    return found


def _check_fields(type_: Any, fields: list[Field]) -> None:
    """ctypes puts some bit fields upon others, or outside of their own type, if those before have
    another size; for a bool it takes the whole byte."""
    names: set[str] = set()
    taken: list[range] = []
    for field in fields:
        if field.name in names:
            raise StructureLayoutError(f"{type_.__name__} has two fields called {field.name}")
        names.add(field.name)
        if field.bits is None:
            continue
        begin = 8 * field.offset + field.first_bit
        place = range(begin, begin + field.bits)
        if (
            field.kind.what == "bool"
            or field.first_bit + field.bits > 8 * field.kind.size
            or (issubclass(type_, ctypes.Structure) and any(_overlap(place, it) for it in taken))
        ):
            raise StructureLayoutError(
                f"{type_.__name__}.{field.name}: ctypes mixes this bit field up with others;"
                " those of integers of one size are safe"
            )
        taken.append(place)


def _overlap(one: range, other: range) -> bool:
    return one.start < other.stop and other.start < one.stop


def layout_of(structure: type[BaseMmapStructure]) -> Kind:
    """The checked layout of a user's structure. StructureHeaderError, StructureLayoutError."""
    kind = kind_of(structure)
    first = kind.fields[0] if kind.fields else None
    if first is None or first.kind.type is not MmapStructureHeader or first.name != "header":
        raise StructureHeaderError(
            f"{structure.__name__} does not begin with a header:"
            ' its first field has to be ("header", MmapStructureHeader)'
        )
    return kind


def code_of(structure: type[BaseMmapStructure]) -> int:
    """The code in the header: a checksum of name and layout, so that a file is not taken for
    another structure, or for another version of the same. Never 0."""
    lines = [structure.__name__, *_lines(layout_of(structure), "")]
    return binascii.crc_hqx("\n".join(lines).encode(), 0xFFFF) or 1


def _lines(kind: Kind, path: str) -> list[str]:
    if kind.what == "array":
        assert kind.item is not None
        return _lines(kind.item, f"{path}[{kind.length}]")
    if kind.what != "struct":
        return [f"{path} {kind.what} {kind.size}"]
    lines = [f"{path} {'union' if kind.is_union else 'struct'} {kind.size}"]
    for field in kind.fields:
        lines += _lines(
            field.kind, f"{path}.{field.name}@{field.offset}:{field.bits}:{field.first_bit}"
        )
    return lines
