"""`python3 tools/fuzz_seeds.py FOLDER`: first inputs for the fuzzers, from docs/shm-layout.md.

Programs that change each field of an object to each kind of value, between calls that look at it;
and whole files, honest but for one field. More than the corpus in the repository needs: that is
what was left when libFuzzer had merged these, and what it had found from them, by what they cover.
"""

from __future__ import annotations

import re
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

PAGE = 4096
HEADER = 384
# Tags of Program::value (native/fuzz/program.hpp): 0, 1, 2^32-1, 2^64-1, 2^63, and what is there
# plus 1, minus 1, plus 8.
VALUES = (b"\x00", b"\x08", b"\x0f", b"\x07", b"\x1f", b"\x0c", b"\x0d", b"\x0e")


def channel() -> Iterator[bytes]:
    send, receive, peek, release = b"\x09\x14\x00", b"\x11\x40\x00", b"\x16\x00\x00", b"\x16\x01"
    fetch, reserve, commit, large = (
        b"\x18\x01\x00",
        b"\x0f\x02\x40\x00",
        b"\x0f\x01\x08",
        b"\x09\xff",
    )
    reopen_reader, reopen_writer, flush, look = (
        b"\x01\x00",
        b"\x01\x01",
        b"\x06\x00",
        b"\x02\x00\xff",
    )
    message = [send * 3 + b"%b" + call * 2 for call in (receive, peek + release, fetch)]
    message += [
        send + reserve + b"%b" + commit + receive * 2,
        send * 2 + fetch + b"%b" + fetch + receive,
        send * 3 + receive + b"%b" + reopen_reader + receive,
        send * 3 + b"%b" + reopen_writer + send + flush + look + receive,
        large + b"\xd0\x07\x00" + b"%b" + receive * 3 + send,
    ]
    stream = [
        send * 3 + b"%b" + receive + b"\x14\x20\x00" * 2,
        send * 2 + b"%b" + reopen_reader + reopen_writer + send + receive,
    ]
    for framing, plans in ((0, message), (1, stream)):
        for plan in plans:
            for field in range(48):
                for value in VALUES:
                    change = b"\x1f" + bytes([field]) + value
                    start = bytes([framing | 2, 2, 5 if field % 3 else 2])
                    yield start + plan.replace(b"%b", change)


def circular_buffer() -> Iterator[bytes]:
    push, pop, pop_int = b"\x03\x05", b"\x06\x03\x00", b"\x09"
    for field in range(11):
        for value in VALUES:
            for shape in (b"\x03\x02", b"\x00\x00", b"\x05\x04", b"\x04\x03"):
                change = b"\x0f" + bytes([field]) + value
                yield shape + push * 2 + change + pop * 2 + pop_int + push + b"\x02\x00"
                yield shape + push + change + b"\x01\x00\x01" + pop + b"\x01\x01\x01" + push


def message_queue() -> Iterator[bytes]:
    send, low, receive = b"\x06\x00\x14\x01\x00", b"\x06\x01\x14\x00\x00", b"\x0a\x00\x40\x00"
    large, receive_large = b"\x06\x00\xff\xb8\x0b\x00\x00", b"\x0a\x01\xff\xb8\x0b\x00"
    for field in range(67):
        for value in VALUES:
            change = b"\x17" + bytes([field]) + value
            yield b"\x03\x02" + (send + low) * 2 + change + receive * 3 + send
            yield b"\x04\x07" + large + send + change + receive_large + b"\x01\x00" + receive + send
            yield b"\x01\x02" + send * 2 + change + send + b"\x04\x00\x00\x04\x02\x00" + receive


def structure() -> Iterator[bytes]:
    for field in range(8):
        for value in VALUES:
            change = b"\x00\x17" + bytes([field]) + value
            lock = b"\x00\x08\x01\x00" + b"\x00\x0c"
            yield (
                b"\x02" + lock + change + b"\x01\x08\x00\x00\x01\x0c" + b"\x00\x05\x01\x00\x00\x07"
            )
            yield b"\x00" + change + lock + b"\x00\x01\x00" + lock + change + b"\x00\x0e"
            yield b"\x03" + change + b"\x00\x03" + b"\x01\x03" + b"\x00\x04" + lock


def fingerprint() -> int:
    value = 0xCBF29CE484222325
    for number in (1, 128, HEADER, 2176, 8):
        value = (value ^ number) * 0x100000001B3 % (1 << 64)
    return value


def header(
    kind: int, total: int, offset: int, ring: int, limit: int, framing: int, life: int
) -> bytes:
    magic = 0x314350494D53C5A7
    capacity = limit - 8 * framing if kind == 1 else limit
    sizes = (total, offset, ring, capacity, limit, framing, life, 0, 1, 1, 77, 0, 0)
    packed = struct.pack("<QIIQQQQQQIIIIQQII", magic, 1, kind, fingerprint(), *sizes)
    return packed.ljust(HEADER, b"\0")


def image(kind: int, pages: int, content: bytes, rest: bytes) -> bytes:
    runs = [(run.start(), run[0]) for run in re.finditer(rb"[^\0](?:\0{0,7}[^\0])*", content)]
    assert len(runs) < 32
    packed = b"".join(struct.pack("<HH", at, len(run)) + run for at, run in runs)
    return bytes([kind, 0, pages, len(runs)]) + packed + rest


def attach() -> Iterator[bytes]:
    ends = struct.pack("<384x256xQ376x256xQ120xQ", 48, 0, 0)  # head 48, tail 0
    record = struct.pack("<Q8s", 8, b"eight by") * 3
    message = header(1, 2 * PAGE, PAGE, PAGE, PAGE, 1, 1)[:HEADER] + ends[HEADER:]
    files = {
        0: (2, message.ljust(PAGE, b"\0") + record, range(46)),
        1: (
            2,
            header(2, 2 * PAGE, PAGE, PAGE, 80, 0, 0) + struct.pack("<QQ112xQQ", 8, 10, 4, 4),
            range(36),
        ),
        2: (7, queue(), range(53)),
        3: (1, struct.pack("<QIIIIQQ", 0x4B434F4C43504D53, 1, 9, 1, 2, 3, 4), range(12)),
    }
    for kind, (pages, content, fields) in files.items():
        for how in range(4):
            yield image(kind, pages, content, bytes([how]))
        for field in fields:
            for value in VALUES:
                yield image(kind, pages, content, bytes([field]) + value + b"\x03")
    yield bytes([0, 1, 0]) + b"\x01\0\0\x20\0" + b"x" * 32
    yield bytes([0, 2, 0]) + b"\x01\0\0\x20\0" + header(1, PAGE, 0, 0, 0, 0, 0)[:32]


def queue() -> bytes:
    """One of 4 messages of 100 bytes, with one in it."""
    run, free, heap, slots, slot = 25344, 25472, 25600, 25728, 128
    shape = struct.pack("<QQIIQQQQ", 100, slot, 4, 0, run, free, heap, slots)
    words = struct.pack("<IIIIIIIIQIIII", 0, 1, 3, 0, 0, 1, 0, 0, 2, 0, 0, 0, 1)
    content = header(3, 7 * PAGE, 7 * PAGE, 0, 400, 1, 1) + shape.ljust(128, b"\0") + words
    content = content.ljust(free, b"\0") + struct.pack("<III", 3, 2, 1)
    content = content.ljust(slots, b"\0") + struct.pack("<IIQQ", 1 << 28, 0, 1, 5)
    return content


def main() -> int:
    for make in (channel, circular_buffer, message_queue, structure, attach):
        folder = Path(sys.argv[1]) / make.__name__
        folder.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(make()):
            (folder / f"{number:05}").write_bytes(seed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
