"""Threads that share one Channel: serialised, with nothing lost, doubled or torn."""

from __future__ import annotations

import gc
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import chain

import pytest
from pairs import Pair, open_pair

import smipc
from smipc import Channel, _inbox
from smipc._end import FETCHING, NOTHING

COUNT = 2000


def in_threads(*calls: Callable[[], object]) -> None:
    """Runs the calls at the same time; raises what one of them raised."""
    problems: list[BaseException] = []

    def run(call: Callable[[], object]) -> None:
        try:
            call()
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        raise problems[0]


def collect(reader: Channel, receive: Callable[[Channel], list[bytes]], into: list[bytes]) -> None:
    while True:
        try:
            into += receive(reader)
        except smipc.OppositeEndClosedError:
            return
        except smipc.TimedOutError:
            pass


def receive_into(reader: Channel) -> list[bytes]:
    buffer = bytearray(1000)
    size = reader.recv_into(buffer)
    return [bytes(buffer[:size])]


def receive_view(reader: Channel) -> list[bytes]:
    try:
        with reader.peek(0.01) as view:
            return [bytes(view)]
    except smipc.BusyError:
        return []


RECEIVERS: dict[str, Callable[[Channel], list[bytes]]] = {
    "recv": lambda reader: [reader.recv()],
    "recv with a timeout": lambda reader: [reader.recv(0.01)],
    "recv_many": lambda reader: reader.recv_many(7),
    "recv_many of whole lists": lambda reader: reader.recv_many(),
    "recv_into": receive_into,
}


@pytest.mark.parametrize("how", RECEIVERS)
@pytest.mark.parametrize("capacity", [100, 65536])
def test_each_message_goes_to_one_thread(name: bytes, how: str, capacity: int) -> None:
    writer, reader = open_pair(name, capacity)
    with reader:
        received: list[list[bytes]] = [[] for _ in range(3)]

        def send() -> None:
            for i in range(COUNT):
                writer.send(b"%d" % i)
            writer.close()

        in_threads(
            send, *(lambda into=into: collect(reader, RECEIVERS[how], into) for into in received)
        )
        for some in received:
            assert some == sorted(some, key=int)
        assert sorted(chain(*received), key=int) == [b"%d" % i for i in range(COUNT)]


def test_all_ways_of_receiving_at_once(pair: Pair) -> None:
    writer, reader = pair
    received: dict[str, list[bytes]] = {how: [] for how in RECEIVERS}

    def send() -> None:
        for i in range(0, COUNT, 10):
            writer.send_many([b"%d" % (i + k) for k in range(10)])
        writer.close()

    in_threads(
        send,
        *(
            lambda how=how, into=into: collect(reader, RECEIVERS[how], into)
            for how, into in received.items()
        ),
    )
    assert sorted(chain(*received.values()), key=int) == [b"%d" % i for i in range(COUNT)]


def test_garbage_collected_in_the_middle_of_a_call_loses_nothing(name: bytes) -> None:
    """CPython up to 3.11 collects inside of allocations, and what runs then lets others in."""

    def pause(phase: str, _: dict[str, int]) -> None:
        frame = sys._getframe().f_back
        if phase == "start" and frame and frame.f_code.co_filename.endswith("_inbox.py"):
            time.sleep(0.0005)

    writer, reader = open_pair(name, 65536)
    received: list[list[bytes]] = [[], []]
    ways = (lambda r: r.recv_many(255), lambda r: [r.recv()])

    def send() -> None:
        for i in range(0, 10 * COUNT, 50):
            writer.send_many([b"%d" % (i + k) for k in range(50)])
            time.sleep(0.0005)  # so that they have to fetch often
        writer.close()

    threshold = gc.get_threshold()
    gc.callbacks.append(pause)
    gc.set_threshold(1)
    try:
        in_threads(
            send,
            *(
                lambda way=way, into=into: collect(reader, way, into)
                for way, into in zip(ways, received, strict=True)
            ),
        )
    finally:
        gc.set_threshold(*threshold)
        gc.callbacks.remove(pause)
        reader.close()
    assert sorted(chain(*received), key=int) == [b"%d" % i for i in range(10 * COUNT)]


def fetch_in_another_thread(reader: Channel) -> int:
    """What the fast path of another thread has done just before it reads what it has fetched."""
    reader._busy = FETCHING
    reader._batch = NOTHING
    for result in reader._calls:
        reader._busy = result
        return result
    raise AssertionError("closed")


def test_what_others_received_meanwhile_does_not_come_again_in_a_list(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look of recv_many and its store others hand out all of the list, and fetch."""
    writer, reader = pair

    def overtake(rest: Iterator[bytes], start: int) -> Iterator[tuple[int, bytes]]:
        monkeypatch.undo()
        assert [reader.recv() for _ in range(3)] == [b"1", b"2", b"3"]
        writer.send_many([b"4", b"5"])
        fetch_in_another_thread(reader)
        return enumerate(rest, start)

    writer.send_many([b"1", b"2", b"3"])
    reader._fill(None)
    monkeypatch.setattr(_inbox, "enumerate", overtake, raising=False)
    assert reader.recv_many(2) == [b"4", b"5"]


def test_what_is_put_back_while_another_thread_fetches_is_not_lost(pair: Pair) -> None:
    writer, reader = pair
    writer.send_many([b"1", b"2"])
    result = fetch_in_another_thread(reader)
    reader._put_back(b"0")
    assert not reader._read_list(result)
    assert [reader.recv() for _ in range(3)] == [b"0", b"1", b"2"]


@pytest.mark.parametrize("capacity", [100, 65536])
def test_many_threads_send(name: bytes, capacity: int) -> None:
    writer, reader = open_pair(name, capacity)
    received: list[bytes] = []
    with writer, reader:

        def send(thread: int) -> None:
            for i in range(300):
                writer.send(b"%d %d %s" % (thread, i, bytes(i % 200)))

        def send_many(thread: int) -> None:
            for i in range(0, 300, 10):
                items = [b"%d %d %s" % (thread, k, bytes(k % 200)) for k in range(i, i + 10)]
                writer.send_many(items)

        def receive() -> None:
            while len(received) < 900:
                received.append(reader.recv())

        in_threads(lambda: send(0), lambda: send(1), lambda: send_many(2), receive)
    for thread in range(3):
        own = [message for message in received if message.startswith(b"%d " % thread)]
        assert own == [b"%d %d %s" % (thread, i, bytes(i % 200)) for i in range(300)]


def test_large_messages_and_small_ones_from_several_threads(name: bytes) -> None:
    """Any other send makes the native library give up a large one that is on its way."""
    writer, reader = open_pair(name, 1000)
    received: list[bytes] = []
    with writer, reader:

        def send_large() -> None:
            for i in range(10):
                writer.send(bytes([i]) * 20_000)

        def send_small() -> None:
            for i in range(200):
                writer.send(bytes([i]))

        def receive() -> None:
            while len(received) < 210:
                received.append(reader.recv())

        in_threads(send_large, send_small, receive)
    assert [m for m in received if len(m) > 1] == [bytes([i]) * 20_000 for i in range(10)]
    assert [m for m in received if len(m) == 1] == [bytes([i]) for i in range(200)]


def test_streams_from_two_threads_do_not_mix(name: bytes) -> None:
    writer, reader = open_pair(name, 64, framing="stream")
    with writer, reader:

        def write(byte: int) -> None:
            for _ in range(20):
                writer.write(bytes([byte]) * 1000)

        data = bytearray(40_000)
        in_threads(lambda: write(1), lambda: write(2), lambda: reader.read(data, 40_000, True))
        assert {bytes(data[i : i + 1000]) for i in range(0, 40_000, 1000)} == {
            b"\1" * 1000,
            b"\2" * 1000,
        }


def test_a_peek_excludes_the_other_threads(pair: Pair) -> None:
    writer, reader = pair
    received: list[bytes] = []

    def send() -> None:
        for i in range(300):
            writer.send(b"%d" % i)
        writer.close()

    def collect_views() -> None:
        collect(reader, receive_view, received)

    in_threads(send, collect_views, collect_views)
    assert sorted(received, key=int) == [b"%d" % i for i in range(300)]


BLOCKING: list[tuple[str, str, Callable[[Channel], object]]] = [
    ("reader", "message", lambda c: c.recv()),
    ("reader", "message", lambda c: c.recv(60)),
    ("reader", "message", lambda c: c.recv_many()),
    ("reader", "message", lambda c: c.recv_into(bytearray(1))),
    ("reader", "message", lambda c: c.peek().__enter__()),
    ("reader", "message", lambda c: c.recv_array()),
    ("reader", "message", lambda c: c.recv_object()),
    ("reader", "message", lambda c: smipc.wait([c])),
    ("writer", "message", lambda c: c.send(b"x")),
    ("writer", "message", lambda c: c.send(bytes(1000))),
    ("writer", "message", lambda c: c.send_many([b"x"])),
    ("writer", "message", lambda c: c.reserve(1).__enter__()),
    ("writer", "message", lambda c: c.flush()),
    ("reader", "stream", lambda c: c.read(bytearray(2), 2, True)),
    ("writer", "stream", lambda c: c.write(b"x")),
]


@pytest.mark.parametrize("case", range(len(BLOCKING)))
def test_closing_wakes_a_thread_that_waits(name: bytes, case: int) -> None:
    end, framing, call = BLOCKING[case]
    writer, reader = open_pair(name, 100, framing=framing)
    with writer, reader:
        channel = writer if end == "writer" else reader
        if end == "writer":
            (writer.send if framing == "message" else writer.write)(bytes(100))
        begun = threading.Event()

        def wait() -> None:
            begun.set()
            with pytest.raises(smipc.ClosedError):
                call(channel)

        def close() -> None:
            begun.wait()
            channel.close()

        in_threads(wait, close)


def test_opening_and_closing_from_many_threads(name: bytes) -> None:
    channel = smipc.open_channel(name, smipc.CHAN_W)

    def work() -> None:
        for _ in range(30):
            with suppress(smipc.BusyError):
                channel.open()
            channel.close()

    in_threads(*[work] * 4)
    assert not channel.is_open
