"""One end of a channel, driven by the command line, in Python: for tests that pair languages.

python channel_tool.py METHOD CHANNEL CAPACITY SEED SIZES

Arguments and output are those of native_programs/channel_tool_c.c, the agreement on the bytes that
of native_programs/tool_pattern.h.
"""

from __future__ import annotations

import select
import sys
import threading
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import smipc
from smipc import CHAN_R, CHAN_W, Channel


@dataclass
class Sum:
    """What was sent or received."""

    count: int = 0
    bytes: int = 0
    crc: int = 0

    def add_bytes(self, data: bytes | memoryview) -> None:
        self.bytes += len(data)
        self.crc = zlib.crc32(data, self.crc)

    def add_piece(self, data: bytes | memoryview) -> None:
        self.add_bytes(data)
        self.count += 1

    def __str__(self) -> str:
        return f"count={self.count} bytes={self.bytes} crc={self.crc:08x}"


def parse_sizes(text: str) -> list[int]:
    sizes: list[int] = []
    for item in text.split(","):
        size, _, repeats = item.partition("x")
        sizes += [int(size)] * int(repeats or 1)
    return sizes


def piece(index: int, size: int, seed: int) -> bytes:
    period = bytes((31 * index + 7 * j + seed) & 0xFF for j in range(256))
    return (period * (size // 256 + 1))[:size]


def expected(sizes: Iterable[int], seed: int) -> Sum:
    total = Sum()
    for index, size in enumerate(sizes):
        total.add_piece(piece(index, size, seed))
    return total


# ---- Sending -------------------------------------------------------------------------------------


def reserve(channel: Channel, data: bytes, capacity: int) -> None:
    if len(data) > capacity:
        channel.send(data)
        return
    with channel.reserve(len(data)) as view:
        view[:] = data


def send_each(send: Callable[[Channel, bytes, int], object]) -> Callable[..., None]:
    def method(channel: Channel, capacity: int, pieces: list[bytes], total: Sum) -> None:
        for data in pieces:
            send(channel, data, capacity)
            total.add_piece(data)

    return method


def send_many(channel: Channel, capacity: int, pieces: list[bytes], total: Sum) -> None:
    channel.send_many(pieces)
    for data in pieces:
        total.add_piece(data)


# ---- Receiving -----------------------------------------------------------------------------------


def read(channel: Channel, size: int, total: Sum) -> None:
    buffer = smipc.create_string_buffer(max(1, size))
    assert channel.read(buffer, size, blocking=True) == size
    total.add_piece(buffer.raw[:size])


def recv(channel: Channel, size: int, total: Sum) -> None:
    total.add_piece(channel.recv())


def recv_into(channel: Channel, size: int, total: Sum) -> None:
    buffer = bytearray(size)
    assert channel.recv_into(buffer) == size
    total.add_piece(bytes(buffer))


def peek(channel: Channel, size: int, total: Sum) -> None:
    with channel.peek() as view:
        total.add_piece(bytes(view))


def wait(channel: Channel, size: int, total: Sum) -> None:
    assert smipc.wait([channel]) == [channel]
    total.add_piece(channel.recv())


def fd(channel: Channel, size: int, total: Sum) -> None:
    readable, _, _ = select.select([channel.fileno()], [], [])
    assert readable
    total.add_piece(channel.recv())


def receive_each(receive: Callable[[Channel, int, Sum], None]) -> Callable[..., None]:
    def method(channel: Channel, sizes: list[int], total: Sum) -> None:
        for size in sizes:
            receive(channel, size, total)
        expect_closed(channel)

    return method


def read_some(channel: Channel, sizes: list[int], total: Sum) -> None:
    buffer = bytearray(max(1, *sizes))
    while total.bytes < sum(sizes):
        assert smipc.wait([channel]) == [channel]
        size = channel.read(buffer, len(buffer))
        total.add_bytes(bytes(buffer[:size]))
    expect_closed(channel)


def recv_many(channel: Channel, sizes: list[int], total: Sum) -> None:
    while total.count < len(sizes):
        for message in channel.recv_many(16):
            total.add_piece(message)
    expect_closed(channel)


def listen(channel: Channel, sizes: list[int], total: Sum) -> None:
    complete = threading.Event()

    def on_data(data: bytes) -> None:
        total.add_piece(data)
        # Pieces of a stream do not come as they were sent.
        if total.bytes == sum(sizes) and (is_stream or total.count == len(sizes)):
            complete.set()

    is_stream = channel.status().framing == "stream"
    listener = channel.read_async(on_data)
    if not sizes:
        complete.set()
    complete.wait()
    listener.stop()
    expect_closed(channel)


def expect_closed(channel: Channel) -> None:
    try:
        if channel.status().framing == "stream":
            channel.read(bytearray(1), 1, blocking=True)
        else:
            channel.recv()
    except smipc.OppositeEndDiedError:
        raise
    except smipc.OppositeEndClosedError:
        return
    raise AssertionError("the sender is not closed at the end")


SENDERS = {
    "write": send_each(lambda channel, data, capacity: channel.write(data)),
    "send": send_each(lambda channel, data, capacity: channel.send(data)),
    "send_many": send_many,
    "reserve": send_each(reserve),
}
RECEIVERS = {
    "read": receive_each(read),
    "read_some": read_some,
    "read_listen": listen,
    "recv": receive_each(recv),
    "recv_into": receive_each(recv_into),
    "recv_many": recv_many,
    "peek": receive_each(peek),
    "wait": receive_each(wait),
    "fd": receive_each(fd),
    "listen": listen,
}
STREAM_METHODS = {"write", "read", "read_some", "read_listen"}


def main(method: str, name: str, capacity: int, seed: int, sizes: list[int]) -> None:
    framing = "stream" if method in STREAM_METHODS else "message"
    mode = CHAN_W if method in SENDERS else CHAN_R
    total = Sum()
    with smipc.open_channel(name, mode, capacity, framing=framing) as channel:
        if method in SENDERS:
            pieces = [piece(index, size, seed) for index, size in enumerate(sizes)]
            SENDERS[method](channel, capacity, pieces, total)
            channel.flush()
        else:
            RECEIVERS[method](channel, sizes, total)
    print(total)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), parse_sizes(sys.argv[5]))
