"""One layout: a segment that Windows has written is read on Linux, and the other way round.

A channel with lifetime="kernel" is a file on both. The files are carried over; each side then opens
what the other has left, and has to find the messages, the position of the reader and the counts.
"""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
import wine

import smipc
from smipc import CHAN_R, CHAN_W

pytestmark = wine.needs_wine

SHARED_MEMORY = Path("/dev/shm")
CAPACITY = 65_000
WINDOWS_GRANULARITY = 65_536  # rings begin at multiples of it there, and at any page here
# In the header, and behind it: layout.h.
TOTAL_BYTES, RING_OFFSET, RING_BYTES = 24, 32, 40
WRITER_CURSOR, READER_EXACT = 384 + 256, 1024 + 384


def message(number: int) -> bytes:
    return bytes((31 * number + j) & 0xFF for j in range(number * 7 % 500))


WRITE = """
def message(number):
    return bytes((31 * number + j) & 0xFF for j in range(number * 7 % 500))

options = dict(framing="message", lifetime="kernel")
with open_channel(sys.argv[1], CHAN_R, CAPACITY, **options) as reader:
    with open_channel(sys.argv[1], CHAN_W, CAPACITY, **options) as writer:
        for number in range(300):
            writer.send(message(number))
            if number < 250:
                assert reader.recv(0) == message(number)
""".replace("CAPACITY", str(CAPACITY))

READ = """
def message(number):
    return bytes((31 * number + j) & 0xFF for j in range(number * 7 % 500))

with open_channel(sys.argv[1], CHAN_R, framing="message", lifetime="kernel") as reader:
    status = reader.status()
    assert (status.capacity_bytes, status.lifetime) == (CAPACITY, "kernel"), status
    assert (status.messages_written, status.messages_read) == (300, 250), status
    for number in range(250, 300):
        assert reader.recv(0) == message(number), number
    try:
        reader.recv(0)
    except (TimedOutError, OppositeEndClosedError) as nothing:
        print("all", status.write_cursor, status.read_cursor)
""".replace("CAPACITY", str(CAPACITY))


def file_here(name: bytes) -> Path:
    (path,) = SHARED_MEMORY.glob(f"smipc.*{name.decode()}*")
    return path


def folder_there() -> Path:
    return wine.unix_path(wine.run_python("print(os.environ['LOCALAPPDATA'])").strip()) / "smipc"


def field(content: bytes, offset: int) -> int:
    return int(struct.unpack_from("<Q", content, offset)[0])


def as_windows_has_it(content: bytes) -> bytes:
    """The same with the ring where Windows can map it. No byte of header and ring changes but for
    where the ring is said to begin, and how long the file is."""
    offset, size = field(content, RING_OFFSET), field(content, RING_BYTES)
    assert size % WINDOWS_GRANULARITY == 0, "the capacity was chosen so"
    header = bytearray(content[:offset].ljust(WINDOWS_GRANULARITY, b"\0"))
    struct.pack_into("<Q", header, RING_OFFSET, WINDOWS_GRANULARITY)
    struct.pack_into("<Q", header, TOTAL_BYTES, WINDOWS_GRANULARITY + size)
    return bytes(header) + content[offset : offset + size]


def test_what_windows_writes_linux_reads(name: bytes) -> None:
    wine.run_python(WRITE, name.decode())
    (there,) = folder_there().glob(f"*{name.decode()}*")
    # Of the same name on both: the file of a channel here shows what it is called.
    with smipc.open_channel(name, CHAN_W, framing="message", lifetime="kernel"):
        here = file_here(name)
    assert here.name == there.name
    content = there.read_bytes()
    here.write_bytes(content)
    with smipc.open_channel(name, CHAN_R, framing="message", lifetime="kernel") as reader:
        status = reader.status()
        assert (status.capacity_bytes, status.lifetime) == (CAPACITY, "kernel")
        assert (status.messages_written, status.messages_read) == (300, 250)
        for number in range(250, 300):
            assert reader.recv(0) == message(number)
        with pytest.raises((smipc.TimedOutError, smipc.OppositeEndClosedError)):
            reader.recv(0)
    reader.unlink()
    wine.run_python("smipc.unlink(sys.argv[1])", name.decode())


def test_what_linux_writes_windows_reads(name: bytes) -> None:
    options = {"framing": "message", "lifetime": "kernel"}
    with (
        smipc.open_channel(name, CHAN_R, CAPACITY, **options) as reader,  # type: ignore[arg-type]
        smipc.open_channel(name, CHAN_W, CAPACITY, **options) as writer,  # type: ignore[arg-type]
    ):
        for number in range(300):
            writer.send(message(number))
            if number < 250:
                assert reader.recv(0) == message(number)
        status = reader.status()
    here = file_here(name)
    there = folder_there() / here.name
    there.parent.mkdir(parents=True, exist_ok=True)
    there.write_bytes(as_windows_has_it(here.read_bytes()))
    said = wine.run_python(READ, name.decode())
    assert said == f"all {status.write_cursor} {status.read_cursor}\n"
    smipc.unlink(name)
    wine.run_python("smipc.unlink(sys.argv[1])", name.decode())


def test_the_same_messages_make_the_same_bytes(name: bytes) -> None:
    """What is to be read is equal, byte for byte, and so is its place. (What is in the rest of a
    ring depends on when its writer claimed lines.)"""
    wine.run_python(WRITE, name.decode())
    (there,) = folder_there().glob(f"*{name.decode()}*")
    options = {"framing": "message", "lifetime": "kernel"}
    with (
        smipc.open_channel(name, CHAN_R, CAPACITY, **options) as reader,  # type: ignore[arg-type]
        smipc.open_channel(name, CHAN_W, CAPACITY, **options) as writer,  # type: ignore[arg-type]
    ):
        for number in range(300):
            writer.send(message(number))
            if number < 250:
                reader.recv(0)
        status = reader.status()
    unread = []
    for file in (there, file_here(name)):
        content = file.read_bytes()
        offset, size = field(content, RING_OFFSET), field(content, RING_BYTES)
        assert field(content, TOTAL_BYTES) == len(content)
        head, tail = field(content, WRITER_CURSOR), field(content, READER_EXACT)
        assert (head, tail) == (status.write_cursor, status.read_cursor)
        ring = content[offset : offset + size]
        unread.append((ring + ring)[tail % size : tail % size + head - tail])
    assert len(unread[0]) > sum(len(message(number)) for number in range(250, 300))
    assert unread[0] == unread[1]
    smipc.unlink(name)
    wine.run_python("smipc.unlink(sys.argv[1])", name.decode())
