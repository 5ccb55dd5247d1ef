"""Lists of bytes in Python's marshal format, version 2: what the library and Python exchange.

'[' and a count, then 's', a length and the bytes for each; all numbers 32-bit little-endian.
CPython reads and writes it ten times faster than any code of ours, but does not promise to keep it:
so its form is checked here, once, and a plain implementation stands in if it has changed.
"""

from __future__ import annotations

import marshal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from typing_extensions import Buffer

_LIST = [b"ab", b"", bytes(300)]
_FORM = b"[\3\0\0\0s\2\0\0\0abs\0\0\0\0s\x2c\1\0\0" + bytes(300)


def plain_loads(data: Buffer) -> list[bytes]:
    """The list in `data`, which the library wrote."""
    items = []
    with memoryview(data) as view:
        at = 5
        for _ in range(int.from_bytes(view[1:5], "little")):
            end = at + 5 + int.from_bytes(view[at + 1 : at + 5], "little")
            items.append(bytes(view[at + 5 : end]))
            at = end
    return items


def plain_dumps(items: Sequence[Buffer], version: int = 2) -> bytes:
    """The form of a list of bytes-like objects. ValueError when one cannot be written."""
    pieces = [b"[", len(items).to_bytes(4, "little")]
    for item in items:
        try:
            with memoryview(item) as view:
                data = view.tobytes()
            pieces += (b"s", len(data).to_bytes(4, "little"), data)
        except (TypeError, BufferError, OverflowError) as error:
            raise ValueError(str(error)) from None
    return b"".join(pieces)


def _form_is_known() -> bool:
    try:
        return marshal.loads(_FORM) == _LIST and marshal.dumps(_LIST, 2) == _FORM
    except (ValueError, TypeError, EOFError):
        return False


loads: Callable[[Buffer], list[bytes]]
dumps: Callable[[Sequence[Buffer], int], bytes]  # the version is 2
if _form_is_known():
    loads, dumps = marshal.loads, marshal.dumps  # type: ignore[assignment]
else:
    loads, dumps = plain_loads, plain_dumps
