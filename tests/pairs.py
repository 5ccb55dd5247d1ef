"""Both ends of a channel in one process."""

from __future__ import annotations

from typing import Any

import smipc
from smipc import CHAN_R, CHAN_W, Channel

Pair = tuple[Channel, Channel]


def open_pair(name: bytes, capacity: int = 65536, framing: Any = "message", **options: Any) -> Pair:
    """The writer and the reader, open."""
    writer = smipc.open_channel(name, CHAN_W, capacity, framing=framing, **options)
    reader = smipc.open_channel(name, CHAN_R, capacity, framing=framing, **options)
    return writer.open(), reader.open()
