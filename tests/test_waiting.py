"""smipc.wait, and descriptors for select."""

from __future__ import annotations

import select
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pairs import Pair, open_pair

import smipc
from smipc._native import lib

posix = pytest.mark.skipif(sys.platform == "win32", reason="descriptors are for POSIX")


def test_wait_gives_those_that_can_be_read(make_name: Callable[[], bytes]) -> None:
    pairs = [open_pair(make_name()) for _ in range(5)]
    writers, readers = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    assert smipc.wait(readers, 0) == []
    assert smipc.wait(readers, 0.06) == []
    writers[3].send(b"x")
    writers[1].send_many([b"1", b"2", b"3"])
    writers[4].close()
    assert smipc.wait(readers) == [readers[1], readers[3], readers[4]]
    assert smipc.wait(iter(readers), 60) == [readers[1], readers[3], readers[4]]
    assert readers[1].recv() == b"1"
    assert readers[3].recv() == b"x"
    assert smipc.wait(readers) == [readers[1], readers[4]]  # it has fetched messages
    assert readers[1].recv_many() == [b"2", b"3"]
    assert smipc.wait(readers, 0) == [readers[4]]
    for channel in [*writers, *readers]:
        channel.close()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_wait_names_the_one_that_another_thread_closes(make_name: Callable[[], bytes]) -> None:
    pairs = [open_pair(make_name()) for _ in range(3)]
    readers = [pair[1] for pair in pairs]
    waiter = threading.get_native_id()

    def close() -> None:
        while "futex" not in Path(f"/proc/self/task/{waiter}/wchan").read_text():
            time.sleep(0.001)
        # As far as close() has come when it wakes those who wait.
        lib.smipc_channel_close(readers[1]._handle)

    thread = threading.Thread(target=close)
    thread.start()
    with pytest.raises(smipc.ClosedError, match=readers[1].cid.decode()):
        smipc.wait(readers)
    thread.join()
    for writer, reader in pairs:
        writer.close()
        reader.close()


def test_wait_is_ended_by_a_message(make_name: Callable[[], bytes]) -> None:
    pairs = [open_pair(make_name()) for _ in range(3)]
    readers = [pair[1] for pair in pairs]
    for number, (writer, _) in enumerate(pairs * 5):
        begun = threading.Barrier(2)

        def send(writer: smipc.Channel = writer, begun: threading.Barrier = begun) -> None:
            begun.wait()
            writer.send(b"x")

        thread = threading.Thread(target=send)
        thread.start()
        begun.wait()
        (ready,) = smipc.wait(readers)
        assert ready is readers[number % 3]
        assert ready.recv() == b"x"
        thread.join()
    for channel in (channel for pair in pairs for channel in pair):
        channel.close()


def test_wait_for_more_channels_than_one_system_call_takes(make_name: Callable[[], bytes]) -> None:
    pairs = [open_pair(make_name(), 1) for _ in range(200)]
    readers = [pair[1] for pair in pairs]
    assert smipc.wait(readers, 0.06) == []
    thread = threading.Thread(target=pairs[199][0].send, args=(b"x",))
    thread.start()
    assert smipc.wait(readers) == [readers[199]]
    thread.join()
    for channel in (channel for pair in pairs for channel in pair):
        channel.close()


def test_wait_for_streams(stream: Pair) -> None:
    writer, reader = stream
    assert smipc.wait([reader], 0) == []
    writer.write(b"x")
    assert smipc.wait([reader]) == [reader]


@posix
def test_a_descriptor_is_readable_while_the_channel_is(pair: Pair) -> None:
    writer, reader = pair
    fd = reader.fileno()
    assert reader.fileno() == fd
    assert select.select([reader], [], [], 0)[0] == []
    for messages in ([b"1"], [b"1", b"2", b"3"]):
        writer.send_many(messages)
        for message in messages:
            assert select.select([fd], [], [])[0] == [fd]
            assert reader.recv(0) == message
        assert select.select([fd], [], [], 0)[0] == []
    writer.close()
    assert select.select([fd], [], [])[0] == [fd]
    with pytest.raises(smipc.OppositeEndClosedError):
        reader.recv(0)


@posix
def test_a_descriptor_wakes_a_select(pair: Pair) -> None:
    writer, reader = pair
    fd = reader.fileno()
    for i in range(20):
        thread = threading.Thread(target=writer.send, args=(b"%d" % i,))
        thread.start()
        assert select.select([fd], [], [])[0] == [fd]
        assert reader.recv(0) == b"%d" % i
        thread.join()


@posix
def test_a_descriptor_does_not_know_of_fetched_messages(pair: Pair, name: bytes) -> None:
    writer, reader = pair
    writer.send_many([b"1", b"2", b"3"])
    assert reader.recv() == b"1"
    with pytest.raises(smipc.BusyError, match=name.decode()):
        reader.fileno()
    assert reader.recv_many() == [b"2", b"3"]
    reader.fileno()


@posix
def test_a_descriptor_of_a_stream(stream: Pair) -> None:
    writer, reader = stream
    fd = reader.fileno()
    writer.write(b"abc")
    assert select.select([fd], [], [])[0] == [fd]
    assert reader.read(bytearray(2), 2) == 2
    assert select.select([fd], [], [])[0] == [fd]
    assert reader.read(bytearray(2), 2) == 1
    assert select.select([fd], [], [], 0)[0] == []
