"""What the sender and the receiver of `smipc demo` say to each other, in Python.

The protocol itself is described where its C++ half is: examples/cpp/demo_protocol.hpp.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from smipc import Channel, open_channel

BATCH_BYTES = 8 << 20
PING_BYTES = 64
WARM_UP_ROUNDS = 1_000
TIMED_ROUNDS = 10_000
BACK_CAPACITY = 65536

_ENTRY = struct.Struct("<Q32sI")  # size, SHA-256, length of the name, which follows


@dataclass(frozen=True)
class Entry:
    """One file of a manifest."""

    size: int
    digest: bytes
    name: bytes


def open_files(channel: str, mode: int, capacity: int) -> Channel:
    """The channel that the files take."""
    return open_channel(channel, mode, capacity, framing="message")


def open_back(channel: str, mode: int) -> Channel:
    """The channel in the other direction."""
    return open_channel(f"{channel}-back", mode, BACK_CAPACITY, framing="message")


def pack_manifest(entries: Iterable[Entry]) -> bytes:
    return b"".join(
        _ENTRY.pack(entry.size, entry.digest, len(entry.name)) + entry.name for entry in entries
    )


def unpack_manifest(manifest: bytes) -> list[Entry]:
    entries = []
    start = 0
    while start < len(manifest):
        size, digest, name_size = _ENTRY.unpack_from(manifest, start)
        start += _ENTRY.size
        entries.append(Entry(size, digest, manifest[start : start + name_size]))
        start += name_size
    if start != len(manifest):
        raise ValueError("a manifest ends in the middle of an entry")
    return entries


def read_list(path: str) -> list[bytes]:
    with open(path, "rb") as file:
        return [name for name in file.read().split(b"\0") if name]
