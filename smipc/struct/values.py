"""Values of fields: reading them as Python's own, and writing them only when they fit.

ctypes cuts integers to size without a word, and leaves the old end of a longer string in place.
Here a value either fits its field completely, or is refused before anything is written.
"""

from __future__ import annotations

import ctypes
import functools
import math
import operator
import re

from smipc.errors import InvalidArgumentError, InvalidTypeError, clipped, kind_and_value, shown
from smipc.struct.base_struct import MmapStructureHeader
from smipc.struct.errors import UnknownFieldError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from smipc.struct.layout import Kind

_STEP = re.compile(r"(?:^|\.)([A-Za-z_]\w*)|\[(\d{1,18})\]|\.(\d{1,18})(?=$|[.\[])")
_LARGEST_FLOAT = 3.4028235677973366e38  # what is not less becomes infinite in 32 bits


def steps_of(path: str) -> tuple[str | int, ...]:
    """The names and indices of "a.b[3].c" (or "a.b.3.c"). InvalidTypeError, UnknownFieldError."""
    if not isinstance(path, str):
        raise InvalidTypeError(f"a field is named by a str, not {kind_and_value(path)}")
    return _steps_of(path)


@functools.lru_cache(maxsize=1024)
def _steps_of(path: str) -> tuple[str | int, ...]:
    steps: list[str | int] = []
    at = 0
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None:
            break
        steps.append(match[1] if match[1] else int(match[2] or match[3]))
        at = match.end()
    if not steps or at < len(path) or isinstance(steps[0], int) or path[0] == ".":
        raise UnknownFieldError(f"this is no path to a field: {clipped(path)}")
    return tuple(steps)


def child_of(kind: Kind, step: str | int, path: str) -> Kind:
    """The kind of a field of a structure, or of an item of an array. UnknownFieldError."""
    if isinstance(step, str):
        field = kind.field(step) if kind.what == "struct" else None
        if field is None:
            names = ", ".join(field.name for field in kind.fields) or "none"
            raise UnknownFieldError(f"{path} has no field {clipped(step)}; it has {names}")
        return field.kind
    if kind.what != "array" or not 0 <= step < kind.length:
        size = f"{kind.length} items" if kind.what == "array" else "no items"
        raise UnknownFieldError(f"{path} has no item {step}; it has {size}")
    assert kind.item is not None
    return kind.item


def get(holder: Any, step: str | int) -> Any:
    return getattr(holder, step) if isinstance(step, str) else holder[step]


def read(kind: Kind, holder: Any, step: str | int) -> Any:
    """The value of a field: numbers, bytes and str as they are, arrays as lists, structures as
    copies of their own."""
    value = get(holder, step)
    if kind.what == "struct":
        return kind.type.from_buffer_copy(_bytes_of(value))
    if kind.what != "array" or isinstance(value, (bytes, str)):
        return value
    assert kind.item is not None
    return [read(kind.item, value, index) for index in range(kind.length)]


def write(
    kind: Kind, holder: Any, step: str | int, value: Any, bits: int | None, path: str
) -> None:
    """Sets a field to `value`. InvalidTypeError, InvalidArgumentError, with nothing written."""
    if kind.what not in ("array", "struct"):
        fitting = scalar(kind, value, bits, path)
        if step == "code" and isinstance(holder, MmapStructureHeader):
            _keep_code(holder, fitting, path)
        if isinstance(step, str):
            setattr(holder, step, fitting)
        else:
            holder[step] = fitting
        return
    place = _address(kind, holder, step)
    made = kind.type.from_buffer_copy(ctypes.string_at(place, kind.size))
    code = made.code if kind.type is MmapStructureHeader else None
    fill(kind, made, value, path)
    if code is not None and made.code != code:
        raise _fixed_code(f"{path}.code", code, made.code)
    ctypes.memmove(place, ctypes.addressof(made), kind.size)


def _keep_code(header: MmapStructureHeader, code: int, path: str) -> None:
    if code != header.code:
        raise _fixed_code(path, header.code, code)


def _fixed_code(path: str, code: int, wrong: int) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"{path} says which structure the file holds, and stays {code:#06x}: {wrong:#06x}"
    )


def _address(kind: Kind, holder: Any, step: str | int) -> int:
    base = ctypes.addressof(holder)
    if isinstance(step, str):
        return base + int(getattr(type(holder), step).offset)
    return base + step * kind.size


def _bytes_of(value: Any) -> bytes:
    return ctypes.string_at(ctypes.addressof(value), ctypes.sizeof(value))


def fill(kind: Kind, made: Any, value: Any, path: str) -> None:
    """Makes `made`, a ctypes object of its own, equal to the value of an array or a structure."""
    if isinstance(value, kind.type):
        ctypes.memmove(ctypes.addressof(made), ctypes.addressof(value), kind.size)
    elif kind.what == "struct":
        _fill_structure(kind, made, value, path)
    else:
        _fill_array(kind, made, value, path)


def _fill_structure(kind: Kind, made: Any, value: Any, path: str) -> None:
    if not isinstance(value, dict):
        raise _wrong(path, f"a {kind.type.__name__} or a dict of its fields", value)
    for name, part in value.items():
        child = child_of(kind, str(name), path)
        field = kind.field(str(name))
        write(child, made, str(name), part, field.bits if field else None, f"{path}.{name}")


def _fill_array(kind: Kind, made: Any, value: Any, path: str) -> None:
    item = kind.item
    assert item is not None
    if item.what in ("char", "wchar"):
        wanted = (bytes, bytearray, memoryview) if item.what == "char" else (str,)
        if not isinstance(value, wanted):
            raise _wrong(path, "bytes" if item.what == "char" else "str", value)
        text = value if isinstance(value, str) else bytes(value)
        if len(text) > kind.length:
            raise InvalidArgumentError(
                f"{path} has room for {kind.length}, not {len(text)}: {clipped(value)}"
            )
        cut = text.rstrip("\0") if isinstance(text, str) else text.rstrip(b"\0").decode("latin-1")
        if "\0" in cut:
            raise InvalidArgumentError(
                f"{path} would be read only up to its first NUL: {clipped(text)}"
            )
        ctypes.memset(ctypes.addressof(made), 0, kind.size)
        made.value = text
        return
    try:
        items = list(value)
    except TypeError:
        items = None
    if items is None or isinstance(value, (str, bytes, dict, set, frozenset)):
        raise _wrong(path, f"a sequence of {kind.length}", value)
    if len(items) != kind.length:
        raise InvalidArgumentError(
            f"{path} has {kind.length} items, not {len(items)}: {clipped(value)}"
        )
    for index, part in enumerate(items):
        write(item, made, index, part, None, f"{path}[{index}]")


def scalar(kind: Kind, value: Any, bits: int | None, path: str) -> Any:
    """`value` as ctypes takes it, if it fits."""
    if kind.what in ("int", "uint"):
        return _integer(kind, value, bits, path)
    if kind.what == "float":
        return _real(kind, value, path)
    if kind.what == "bool":
        if isinstance(value, bool) or type(value).__name__ in ("bool_", "bool"):
            return bool(value)
        raise _wrong(path, "True or False", value)
    wanted = bytes if kind.what == "char" else str
    if not isinstance(value, wanted):
        raise _wrong(path, f"{wanted.__name__} of length 1", value)
    if len(value) != 1:
        raise InvalidArgumentError(f"{path} takes exactly one, not {len(value)}: {clipped(value)}")
    return value


def _integer(kind: Kind, value: Any, bits: int | None, path: str) -> int:
    try:
        number = operator.index(value)
    except TypeError:  # also of a class, or of an array
        raise _wrong(path, "an integer", value) from None
    width = bits or kind.size * 8
    lowest, highest = (
        (0, 2**width - 1)
        if kind.what == "uint"
        else (
            -(2 ** (width - 1)),
            2 ** (width - 1) - 1,
        )
    )
    if not lowest <= number <= highest:
        raise InvalidArgumentError(f"{path} must be from {lowest} to {highest}: {shown(number)}")
    return number


def _real(kind: Kind, value: Any, path: str) -> float:
    # numpy makes floats of complex numbers, with a warning only.
    complex_number = getattr(getattr(value, "dtype", None), "kind", "") == "c"
    if (
        complex_number
        or isinstance(value, (str, bytes))
        or not (hasattr(value, "__float__") or hasattr(value, "__index__"))
    ):
        raise _wrong(path, "a number", value)
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidArgumentError(f"{path} cannot hold {kind_and_value(value)}: {error}") from None
    if kind.size == 4 and math.isfinite(number) and abs(number) >= _LARGEST_FLOAT:
        raise InvalidArgumentError(f"{path} has 32 bits, too few for {number!r}")
    return number


def _wrong(path: str, wanted: str, value: object) -> InvalidTypeError:
    return InvalidTypeError(f"{path} takes {wanted}, not {kind_and_value(value)}")
