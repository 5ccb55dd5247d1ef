"""Python objects as messages, by pickle protocol 5.

An object without large buffers is exactly its pickle, which begins with 0x80. One with out-of-band
buffers (numpy arrays, pickle.PickleBuffer) is, with little-endian numbers:

    b"smipcobj", u64 count of buffers, u64 size of the pickle, u64 size of each buffer, the pickle,
    the buffers; pickle and buffers each begin at a multiple of 64 bytes.

They are sent from where they lie, and the objects that come out use the memory they arrived in.
"""

from __future__ import annotations

import pickle
import struct
from functools import partial

from smipc._native import ffi
from smipc.errors import MessageFormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from smipc._objects import Objects

_MAGIC = b"smipcobj"
_COUNTS = struct.Struct("<8sQQ")
_ALIGNMENT = 64
_PICKLE_START = b"\x80"

dumps = pickle.dumps
loads = pickle.loads
_uninitialised: Any = ffi.new_allocator(should_clear_after_alloc=False)


def object_parts(thing: object) -> Sequence[bytes | memoryview]:
    """The message of an object: one part when it has no large buffers."""
    buffers: list[pickle.PickleBuffer] = []
    stem = dumps(thing, 5, buffer_callback=buffers.append)
    return parts_with(stem, buffers) if buffers else (stem,)


def parts_with(stem: bytes, buffers: list[pickle.PickleBuffer]) -> Sequence[bytes | memoryview]:
    contents: list[bytes | memoryview] = [stem, *(buffer.raw() for buffer in buffers)]
    sizes = [len(content) for content in contents]
    counts = _COUNTS.pack(_MAGIC, len(buffers), sizes[0])
    head = counts + struct.pack(f"<{len(buffers)}Q", *sizes[1:])
    parts: list[bytes | memoryview] = [head]
    position = len(head)
    for content in contents:
        gap = -position % _ALIGNMENT
        if gap:
            parts.append(bytes(gap))
        parts.append(content)
        position += gap + len(content)
    return parts


def plan_in(channel: Objects) -> Any:
    """Where _recv_as puts a large message."""
    return partial(_room, channel)


def _room(channel: Objects, size: int, _: bytes) -> tuple[Sequence[memoryview], memoryview]:
    """Memory for a large message, not cleared first."""
    memory = channel._allocate(lambda n: ffi.buffer(_uninitialised("char[]", n)), size)
    view = memoryview(memory)
    return (view,), view


def load(channel: Objects, message: bytes | memoryview) -> Any:
    """The object in a message that has been received."""
    if message[:1] == _PICKLE_START:
        return loads(message)
    stem, *buffers = _split(channel, message)
    return loads(stem, buffers=buffers)


def _split(channel: Objects, message: bytes | memoryview) -> list[memoryview]:
    """The pickle and its buffers, as views of memory that may be written. MessageFormatError."""
    whole = memoryview(bytearray(message) if isinstance(message, bytes) else message).cast("B")
    if len(whole) < _COUNTS.size or whole[:8] != _MAGIC:
        raise _no_object(channel, len(whole), "it begins like none")
    _, count, stem_size = _COUNTS.unpack_from(whole)
    position = _COUNTS.size + 8 * count
    if position > len(whole):
        raise _no_object(channel, len(whole), f"it has no {count} buffers")
    sizes = struct.unpack_from(f"<{count}Q", whole, _COUNTS.size)
    parts = []
    for size in (stem_size, *sizes):
        position += -position % _ALIGNMENT
        if size > len(whole) - position:
            raise _no_object(channel, len(whole), f"it is too short for {size} bytes")
        parts.append(whole[position : position + size])
        position += size
    return parts


def _no_object(channel: Objects, size: int, why: str) -> MessageFormatError:
    text = f"a message of {size} bytes is no pickled object: {why}"
    problem = channel._error(MessageFormatError, text)
    assert isinstance(problem, MessageFormatError)
    return problem
