"""Streams in one process: writing and reading, in any pieces."""

from __future__ import annotations

import array
import os
import threading

import pytest
from pairs import Pair, open_pair

import smipc


def test_reading_takes_what_is_there(stream: Pair) -> None:
    writer, reader = stream
    buffer = bytearray(10)
    assert reader.read(buffer, 10) == 0
    writer.write(b"abc")
    writer.write(b"def")
    assert reader.read(buffer, 4) == 4
    assert buffer[:4] == b"abcd"
    assert reader.read(buffer, 10) == 2
    assert buffer[:2] == b"ef"
    assert reader.read(buffer, 0) == 0


def test_a_blocking_read_waits_for_exactly_n(stream: Pair) -> None:
    writer, reader = stream
    buffer = bytearray(6)
    writer.write(b"abc")
    thread = threading.Thread(target=reader.read, args=(buffer, 6, True))
    thread.start()
    writer.write(b"d")
    writer.write(b"ef and more")
    thread.join()
    assert buffer == b"abcdef"


def test_a_read_that_times_out_consumes_nothing(stream: Pair) -> None:
    writer, reader = stream
    buffer = bytearray(6)
    writer.write(b"abc")
    for timeout in (0, 0.06):
        with pytest.raises(smipc.TimedOutError, match="6 bytes"):
            reader.read(buffer, 6, blocking=True, timeout=timeout)
    writer.write(b"def")
    assert reader.read(buffer, 6, True) == 6
    assert buffer == b"abcdef"


@pytest.mark.parametrize("capacity", [1, 2, 7, 20, 4096, 5000, 65536, 100_003])
def test_more_than_the_channel_passes_in_pieces(name: bytes, capacity: int) -> None:
    data = os.urandom(5 * capacity + 3)
    writer, reader = open_pair(name, capacity, framing="stream")
    with writer, reader:
        assert writer.status().capacity_bytes == capacity
        thread = threading.Thread(target=writer.write, args=(data,))
        thread.start()
        received = bytearray(len(data))
        view = memoryview(received)
        middle = len(data) // 3
        assert reader.read(view, middle, blocking=True) == middle
        rest = len(data) - middle
        assert reader.read(view[middle:], rest, blocking=True) == rest
        thread.join()
        assert received == data


def test_the_original_pair_of_calls(name: bytes) -> None:
    data = os.urandom(64)
    writer = smipc.open_channel(name, smipc.CHAN_W, chanSz=20)
    reader = smipc.open_channel(name, smipc.CHAN_R, 20)
    with writer, reader:
        thread = threading.Thread(target=writer.write, args=(data,))
        thread.start()
        buf = smipc.create_string_buffer(64)
        reader.read(buf, 64, True)
        thread.join()
        assert buf.raw == data


def test_write_waits_for_room_and_times_out(name: bytes) -> None:
    writer, reader = open_pair(name, 10, framing="stream")
    with writer, reader:
        writer.write(b"12345678")
        with pytest.raises(smipc.TimedOutError, match=r"3 of 3 bytes") as caught:
            writer.write(b"abc", timeout=0)
        assert caught.value.transferred == 0
        buffer = bytearray(10)
        assert reader.read(buffer, 10) == 8
        assert writer.write(b"abc", timeout=0) is None
        assert reader.read(buffer, 10) == 3


def test_a_long_write_that_times_out_says_how_much_has_gone(name: bytes) -> None:
    writer, reader = open_pair(name, 10, framing="stream")
    with writer, reader:
        data = bytes(range(25))
        with pytest.raises(smipc.TimedOutError) as caught:
            writer.write(data, timeout=0.06)
        gone = caught.value.transferred
        assert gone == 10
        buffer = bytearray(25)
        assert reader.read(buffer, 25) == gone
        thread = threading.Thread(target=writer.write, args=(data[gone:],))
        thread.start()
        assert reader.read(memoryview(buffer)[gone:], 25 - gone, blocking=True) == 25 - gone
        thread.join()
        assert buffer == data


def test_any_writable_buffer_will_do(stream: Pair) -> None:
    writer, reader = stream
    numbers = array.array("i", [0] * 3)
    for buffer in [bytearray(12), memoryview(bytearray(14))[1:13], numbers]:
        writer.write(b"twelve bytes")
        assert reader.read(buffer, 12) == 12
        assert bytes(memoryview(buffer).cast("B")) == b"twelve bytes"


def test_any_readable_buffer_will_do(stream: Pair) -> None:
    writer, reader = stream
    buffer = bytearray(100)
    for data in [b"12", bytearray(b"12"), memoryview(b"12"), array.array("h", [1, 2])]:
        writer.write(data)
        assert reader.read(buffer, 100) == memoryview(data).nbytes
    writer.write(b"")
    assert reader.read(buffer, 100) == 0


def test_a_reader_drains_and_is_told_then(stream: Pair) -> None:
    writer, reader = stream
    writer.write(b"abc")
    writer.close()
    buffer = bytearray(5)
    with pytest.raises(smipc.OppositeEndClosedError):
        reader.read(buffer, 5, blocking=True)  # they will never come
    assert reader.read(buffer, 5) == 3
    for blocking in (True, False):
        with pytest.raises(smipc.OppositeEndClosedError):
            reader.read(buffer, 1, blocking)


def test_a_writer_is_told_as_soon_as_the_reader_has_closed(stream: Pair) -> None:
    writer, reader = stream
    reader.close()
    with pytest.raises(smipc.OppositeEndClosedError):
        while True:
            writer.write(b"x")


def test_flush_waits_for_the_reader(stream: Pair) -> None:
    writer, reader = stream
    writer.write(b"x")
    with pytest.raises(smipc.TimedOutError):
        writer.flush(timeout=0)
    assert reader.read(bytearray(1), 1) == 1
    writer.flush()
