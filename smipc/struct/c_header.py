"""The C header of a structure: the same layout for C and C++, which checks itself when it is
compiled."""

from __future__ import annotations

import ctypes
import re
from functools import partial

from smipc.struct.base_struct import MmapStructureHeader
from smipc.struct.c_place import Place, alignment
from smipc.struct.errors import StructureLayoutError
from smipc.struct.layout import code_of, layout_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from smipc.struct.base_struct import BaseMmapStructure
    from smipc.struct.layout import Field, Kind

# Words of C and C++, types that the header uses, and macros of compilers and of the standard
# headers: a field of that name gets an underscore.
_WORDS = """
    _Alignas _Alignof _Atomic _Bool _Complex _Generic _Imaginary _Noreturn _Static_assert
    _Thread_local alignas alignof and and_eq asm atomic_cancel auto bitand bitor bool break case
    catch char char8_t char16_t char32_t class co_await co_return co_yield compl concept const
    const_cast consteval constexpr constinit continue decltype default delete do double
    dynamic_cast else enum explicit export extern false float for friend goto if inline int long
    mutable namespace new noexcept not not_eq nullptr operator or or_eq private protected public
    register reinterpret_cast requires restrict return short signed sizeof static static_assert
    static_cast struct switch template this thread_local throw true try typedef typeid typename
    typeof typeof_unqual union unsigned using virtual void volatile wchar_t while xor xor_eq

    int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t smipc_structure_header

    EOF HUGE_VAL HUGE_VALF HUGE_VALL INFINITY NAN NULL WEOF WIN32 WIN64 WINNT assert errno i386
    linux math_errhandling offsetof stderr stdin stdout unix
"""
_RESERVED = frozenset(_WORDS.split())

_OPENING = """\
/* The structures of {module}, as `smipc structs {module} --header` writes them. Do not edit:
 * write it anew when the structures have changed.
 *
 * In C++ they go with smipc::LockedStructure<T> of smipc.hpp; in C with smipc_structure_open. */
#ifndef {guard}
#define {guard}

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wchar.h>

#if defined(__cplusplus)
#define SMIPC_LAYOUT_ASSERT(what) static_assert(what, #what)
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define SMIPC_LAYOUT_ASSERT(what) _Static_assert(what, #what)
#else
#define SMIPC_LAYOUT_ASSERT(what) extern int smipc_layout_is_checked_from_c11_on[1]
#endif
"""

_CLOSING = """
#undef SMIPC_LAYOUT_ASSERT

#endif
"""


def header_of(module: str, structures: Iterable[type[BaseMmapStructure]]) -> str:
    """The header for all of them, and what they are made of. StructureHeaderError,
    StructureLayoutError."""
    guard = re.sub(r"\W", "_", module).upper() + "_SMIPC_H"
    writer = _Writer()
    macros: dict[str, type] = {}
    for structure in structures:
        kind = layout_of(structure)
        writer.need(kind)
        name = macro_of(structure.__name__)
        other = macros.setdefault(name, structure)
        if other is not structure:
            names = f"{other.__name__} and {structure.__name__}"
            raise StructureLayoutError(f"{names} would both have the macro {name}_CODE")
        writer.lines.append(f"#define {name}_CODE 0x{code_of(structure):04x}")
        writer.lines.append(f'#define {name}_FILE "{structure.__name__}.mmap"')
    return _OPENING.format(module=module, guard=guard) + "\n".join(writer.lines) + _CLOSING


def macro_of(name: str) -> str:
    """DemoStructure as DEMO_STRUCTURE."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper()


class _Writer:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self._done: dict[str, object] = {}

    def need(self, kind: Kind) -> None:
        """Writes a structure, after those that it holds, once."""
        if kind.what == "array":
            assert kind.item is not None
            self.need(kind.item)
            return
        if kind.what != "struct":
            return
        name = _type_name(kind)
        if not name.isidentifier():
            raise StructureLayoutError(f"{name!r} is no name of a type in C")
        other = self._done.get(name)
        if other is kind.type:
            return
        if other is not None:
            raise StructureLayoutError(f"two types are called {name}, which C cannot tell apart")
        for field in kind.fields:
            if field.kind.size == 0:
                raise _error(kind, field, "it has no size, and C has no such fields")
            self.need(field.kind)
        self._done[name] = kind.type
        self._structure(name, kind)

    def _structure(self, name: str, kind: Kind) -> None:
        word = "union" if kind.is_union else "struct"
        pack = getattr(kind.type, "_pack_", 0)
        names = _field_names(kind)
        tag = name if name != _type_name_of(MmapStructureHeader) else "smipc_structure_header"
        guarded = tag != name  # several headers may come together
        if guarded:
            self.lines += ["", "#ifndef SMIPC_STRUCTURE_HEADER", "#define SMIPC_STRUCTURE_HEADER"]
        self.lines.append("")
        if pack:
            self.lines.append(f"#pragma pack(push, {pack})")
        self.lines.append(f"typedef {word} {tag} {{")
        self.lines += [f"  {line};" for line in _declarations(kind, pack, names)]
        self.lines.append(f"}} {tag};")
        if pack:
            self.lines.append("#pragma pack(pop)")
        self.lines.append(f"SMIPC_LAYOUT_ASSERT(sizeof({tag}) == {kind.size});")
        self.lines += [
            f"SMIPC_LAYOUT_ASSERT(offsetof({tag}, {names[field.name]}) == {field.offset});"
            for field in kind.fields
            if field.bits is None
        ]
        if guarded:
            self.lines.append("#endif")


def c_name(name: str) -> str:
    return name + "_" if name in _RESERVED else name


def _type_name_of(type_: type) -> str:
    return c_name(type_.__name__)


def _type_name(kind: Kind) -> str:
    return _type_name_of(kind.type)


def _field_names(kind: Kind) -> dict[str, str]:
    """What the fields are called in C. A field that has the name of a type would hide it in C++."""
    types = {_c_type(_innermost(field.kind)) for field in kind.fields}
    names: dict[str, str] = {}
    for field in kind.fields:
        name = field.name + "_" if field.name in types else c_name(field.name)
        if not name.isidentifier():
            raise _error(kind, field, "this is no name of a field in C")
        other = next((known for known in names if names[known] == name), None)
        if other is not None:
            raise _error(kind, field, f"it would be called {name} in C, as is the field {other}")
        names[field.name] = name
    return names


def _declarations(kind: Kind, pack: int, names: dict[str, str]) -> Iterator[str]:
    """With padding where C would put a field before the place that it has in ctypes."""
    if pack not in (0, 1, 2, 4, 8, 16):
        raise StructureLayoutError(f"{kind.type.__name__}: C cannot pack by {pack}")
    place = Place(pack)
    for field in kind.fields:
        at = 8 * field.offset + field.first_bit
        if kind.is_union:
            place = Place(pack)
        else:
            yield from _padding(place, at, partial(place.next, field))
        if place.next(field) != at:
            raise _error(kind, field, "C would put it elsewhere than ctypes")
        yield _declaration(field, names[field.name])
        place.put(field, at)
    widest = max(kind.fields, key=lambda field: alignment(field.kind.type, pack))
    align = alignment(widest.kind.type, pack)
    if align != ctypes.alignment(kind.type):
        raise _error(kind, widest, f"C would align the structure by {align} for it, unlike ctypes")
    if not kind.is_union:
        yield from _padding(place, 8 * kind.size, partial(place.size, align))


def _padding(place: Place, to: int, now: Callable[[], int]) -> Iterator[str]:
    """A bit field of width 0 ends the unit of the one before it; unnamed ones fill what is left."""
    if now() < to:
        last = place.end_unit(to)
        if last is not None:
            yield f"{_c_type(last.kind)} : 0"
    if now() < to:
        yield "uint8_t " + ", ".join(f": {width}" for width in place.fill(to))


def _error(kind: Kind, field: Field, text: str) -> StructureLayoutError:
    return StructureLayoutError(f"{kind.type.__name__}.{field.name}: {text}")


def _innermost(kind: Kind) -> Kind:
    while kind.item is not None:
        kind = kind.item
    return kind


def _declaration(field: Field, name: str) -> str:
    lengths = ""
    kind = field.kind
    while kind.item is not None:
        lengths += f"[{kind.length}]"
        kind = kind.item
    bits = f" : {field.bits}" if field.bits is not None else ""
    return f"{_c_type(kind)} {name}{lengths}{bits}"


def _c_type(kind: Kind) -> str:
    if kind.what == "struct":
        if kind.type is MmapStructureHeader:
            return "smipc_structure_header"
        return _type_name(kind)
    if kind.what in ("int", "uint"):
        return f"{kind.what}{kind.size * 8}_t"
    if kind.what == "float":
        return {4: "float", 8: "double"}.get(kind.size, "long double")
    return {"bool": "bool", "char": "char", "wchar": "wchar_t"}[kind.what]
