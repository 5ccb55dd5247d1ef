"""The C header of a structure: the same layout for C and C++, which checks itself when it is
compiled."""

from __future__ import annotations

import re

from smipc.struct.base_struct import MmapStructureHeader
from smipc.struct.errors import StructureLayoutError
from smipc.struct.layout import code_of, layout_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from smipc.struct.base_struct import BaseMmapStructure
    from smipc.struct.layout import Field, Kind

# Of C and C++: a field of that name gets an underscore.
_WORDS = """
    alignas alignof and and_eq asm atomic_cancel auto bitand bitor bool break case catch char
    class co_await co_return co_yield compl concept const const_cast consteval constexpr
    constinit continue decltype default delete do double dynamic_cast else enum explicit export
    extern false float for friend goto if inline int long mutable namespace new noexcept not
    not_eq nullptr operator or or_eq private protected public register reinterpret_cast requires
    restrict return short signed sizeof static static_assert static_cast struct switch template
    this thread_local throw true try typedef typeid typename union unsigned using virtual void
    volatile wchar_t while xor xor_eq
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
    for structure in structures:
        kind = layout_of(structure)
        writer.need(kind)
        name = macro_of(structure.__name__)
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
        other = self._done.get(name)
        if other is kind.type:
            return
        if other is not None:
            raise StructureLayoutError(f"two types are called {name}, which C cannot tell apart")
        for field in kind.fields:
            self.need(field.kind)
        self._done[name] = kind.type
        self._structure(name, kind)

    def _structure(self, name: str, kind: Kind) -> None:
        word = "union" if kind.is_union else "struct"
        pack = getattr(kind.type, "_pack_", 0)
        tag = name if name != _type_name_of(MmapStructureHeader) else "smipc_structure_header"
        guarded = tag != name  # several headers may come together
        if guarded:
            self.lines += ["", "#ifndef SMIPC_STRUCTURE_HEADER", "#define SMIPC_STRUCTURE_HEADER"]
        self.lines.append("")
        if pack:
            self.lines.append(f"#pragma pack(push, {pack})")
        self.lines.append(f"typedef {word} {tag} {{")
        self.lines += [f"  {line};" for line in _declarations(kind.fields)]
        self.lines.append(f"}} {tag};")
        if pack:
            self.lines.append("#pragma pack(pop)")
        self.lines.append(f"SMIPC_LAYOUT_ASSERT(sizeof({tag}) == {kind.size});")
        self.lines += [
            f"SMIPC_LAYOUT_ASSERT(offsetof({tag}, {c_name(field.name)}) == {field.offset});"
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


def _declarations(fields: tuple[Field, ...]) -> Iterator[str]:
    """C lets a bit field begin in the middle of a unit of its type, and what follows in the rest of
    it; ctypes does not. A bit field of width 0 ends the unit."""
    previous: Field | None = None
    for field in fields:
        if previous is not None:
            if field.bits is not None and field.first_bit == 0:
                yield f"{_c_type(field.kind)} : 0"
            elif field.bits is None and previous.bits is not None:
                yield f"{_c_type(previous.kind)} : 0"
        yield _declaration(field)
        previous = field


def _declaration(field: Field) -> str:
    lengths = ""
    kind = field.kind
    while kind.what == "array":
        lengths += f"[{kind.length}]"
        assert kind.item is not None
        kind = kind.item
    bits = f" : {field.bits}" if field.bits is not None else ""
    return f"{_c_type(kind)} {c_name(field.name)}{lengths}{bits}"


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
