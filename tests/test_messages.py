"""Messages in one process: sending and receiving in all ways, sizes, order, timeouts."""

from __future__ import annotations

import array
import threading
from collections.abc import Callable

import pytest
from pairs import Pair, open_pair

import smipc
from smipc import Channel


def recv(reader: Channel) -> bytes:
    return reader.recv(timeout=0)


def recv_waiting(reader: Channel) -> bytes:
    return reader.recv()


def recv_with_timeout(reader: Channel) -> bytes:
    return reader.recv(timeout=60)


def recv_into(reader: Channel) -> bytes:
    buffer = bytearray(200)
    size = reader.recv_into(buffer, timeout=0)
    return bytes(buffer[:size])


def recv_many(reader: Channel) -> bytes:
    (message,) = reader.recv_many(1, timeout=0)
    return message


def iterate(reader: Channel) -> bytes:
    return next(reader)


def peek(reader: Channel) -> bytes:
    with reader.peek(timeout=0) as view:
        return bytes(view)


RECEIVERS = [recv, recv_waiting, recv_with_timeout, recv_into, recv_many, iterate, peek]


@pytest.mark.parametrize("receive", RECEIVERS)
def test_messages_come_whole_and_in_order(pair: Pair, receive: Callable[[Channel], bytes]) -> None:
    writer, reader = pair
    messages = [bytes([i]) * i for i in range(100)]
    for message in messages:
        writer.send(message)
    assert [receive(reader) for _ in messages] == messages
    with pytest.raises(smipc.TimedOutError):
        reader.recv(timeout=0)


def test_all_ways_of_receiving_share_one_hand_out(pair: Pair) -> None:
    writer, reader = pair
    messages = [b"%d" % i for i in range(2000)]
    received = []
    for start in range(0, len(messages), 500):
        writer.send_many(messages[start : start + 500])
        for turn in range(500):
            received.append(RECEIVERS[(start + turn * 3) % len(RECEIVERS)](reader))
    assert received == messages


def test_recv_many_gives_what_is_there_and_no_more_than_the_limit(pair: Pair) -> None:
    writer, reader = pair
    messages = [b"%d" % i for i in range(1000)]
    writer.send_many(messages)
    received: list[bytes] = []
    for limit in [1, 2, 50, 7, 255, 1000] * 100:
        if len(received) == len(messages):
            break
        some = reader.recv_many(limit, timeout=0)
        assert 1 <= len(some) <= limit
        received += some
    assert received == messages
    with pytest.raises(smipc.TimedOutError):
        reader.recv_many(10, timeout=0)


def test_what_recv_many_returned_belongs_to_the_caller(pair: Pair) -> None:
    writer, reader = pair
    writer.send_many([b"a", b"b", b"c"])
    messages = reader.recv_many(2)
    messages.clear()
    assert reader.recv() == b"c"


@pytest.mark.parametrize("capacity", [1, 2, 7, 20, 100, 4096, 5000, 65536, 100_003])
def test_sizes_around_and_far_above_any_capacity(name: bytes, capacity: int) -> None:
    sizes = [0, 1, capacity - 1, capacity, capacity + 1, 2 * capacity + 3, 10 * capacity, 0, 5]
    messages = [bytes([n % 251]) * size for n, size in enumerate(sizes)]
    writer, reader = open_pair(name, capacity)
    with writer, reader:
        assert writer.status().capacity_bytes == capacity
        sender = threading.Thread(target=lambda: [writer.send(message) for message in messages])
        sender.start()
        assert [reader.recv() for _ in messages] == messages
        sender.join()


@pytest.mark.parametrize("capacity", [1, 20, 4096])
def test_lists_with_messages_of_all_sizes(name: bytes, capacity: int) -> None:
    messages = [bytes([n]) * (n * n * capacity % (40 * capacity + 1)) for n in range(60)]
    writer, reader = open_pair(name, capacity)
    with writer, reader:
        sender = threading.Thread(target=writer.send_many, args=(messages,))
        sender.start()
        received: list[bytes] = []
        while len(received) < len(messages):
            received += reader.recv_many(10)
        assert received == messages
        sender.join()


def test_a_large_message_takes_as_many_slices_as_it_needs(name: bytes) -> None:
    """Slices of 50 ms: the reader stops in the middle of a message for longer than one."""
    message = bytes(range(256)) * 4096
    writer, reader = open_pair(name, 65536)
    with writer, reader:
        sender = threading.Thread(target=writer.send_many, args=([b"first", message, b"last"],))
        sender.start()
        assert reader.recv() == b"first"
        sender.join(0.2)
        assert sender.is_alive()
        assert [reader.recv(), reader.recv()] == [message, b"last"]
        sender.join()


def test_a_large_send_that_times_out_is_never_seen(name: bytes) -> None:
    writer, reader = open_pair(name, 1000)
    with writer, reader:
        with pytest.raises(smipc.TimedOutError):
            writer.send(bytes(100_000), timeout=0.06)
        sender = threading.Thread(target=writer.send, args=(b"next",))
        sender.start()
        assert reader.recv() == b"next"
        sender.join()


@pytest.mark.parametrize(
    "data",
    [bytearray(b"data"), memoryview(b"data"), memoryview(b"d_a_t_a_")[::1][:4]],
    ids=["bytearray", "memoryview", "slice"],
)
def test_anything_bytes_like_can_be_sent(pair: Pair, data: bytearray | memoryview) -> None:
    writer, reader = pair
    writer.send(data)
    assert reader.recv() == bytes(data)
    writer.send_many([data, b"x"])
    assert reader.recv_many() == [bytes(data), b"x"]


def test_items_wider_than_a_byte_count_in_bytes(pair: Pair) -> None:
    writer, reader = pair
    numbers = array.array("i", [1, 2, 3])
    writer.send(numbers)
    assert reader.recv() == numbers.tobytes()
    writer.send_many([numbers])
    assert reader.recv() == numbers.tobytes()


def test_a_bytes_subclass_with_another_length_is_sent_as_it_is(pair: Pair) -> None:
    class Liar(bytes):
        def __len__(self) -> int:
            return 1_000_000

    writer, reader = pair
    writer.send(Liar(b"four"))
    assert reader.recv() == b"four"


def test_send_many_takes_any_iterable(pair: Pair) -> None:
    writer, reader = pair
    writer.send_many(b"%d" % i for i in range(5))
    writer.send_many((b"a", b"b"))
    writer.send_many([])
    assert reader.recv_many() == [b"0", b"1", b"2", b"3", b"4", b"a", b"b"]


def test_send_waits_for_room_and_times_out(name: bytes) -> None:
    writer, reader = open_pair(name, 100)
    with writer, reader:
        writer.send(bytes(100))
        with pytest.raises(smipc.TimedOutError, match=name.decode()):
            writer.send(b"x", timeout=0)
        with pytest.raises(TimeoutError):
            writer.send(b"x", timeout=0.06)
        assert reader.recv() == bytes(100)
        writer.send(b"x", timeout=0)
        assert reader.recv() == b"x"


def test_a_send_many_that_times_out_says_how_many_have_gone(name: bytes) -> None:
    writer, reader = open_pair(name, 100)
    with writer, reader:
        messages = [b"%02d" % i for i in range(50)]
        with pytest.raises(smipc.TimedOutError) as caught:
            writer.send_many(messages, timeout=0)
        gone = caught.value.transferred
        assert 0 < gone < len(messages)
        received = []
        while len(received) < gone:
            received += reader.recv_many(timeout=0)
        assert received == messages[:gone]


@pytest.mark.parametrize("timeout", [0, 0.0, 0.03, 0.07])
def test_every_way_of_receiving_times_out(pair: Pair, timeout: float) -> None:
    _, reader = pair
    calls: list[Callable[[], object]] = [
        lambda: reader.recv(timeout),
        lambda: reader.recv_many(5, timeout),
        lambda: reader.recv_into(bytearray(5), timeout),
        lambda: reader.peek(timeout).__enter__(),
    ]
    for call in calls:
        with pytest.raises(smipc.TimedOutError, match="timed out"):
            call()


def test_a_message_ends_a_wait(pair: Pair) -> None:
    writer, reader = pair
    for wait in [None, 60, 1e300, float("inf")]:
        started = threading.Barrier(2)
        received: list[bytes] = []

        def receive(
            wait: float | None = wait,
            started: threading.Barrier = started,
            received: list[bytes] = received,
        ) -> None:
            started.wait()
            received.append(reader.recv(wait))

        thread = threading.Thread(target=receive)
        thread.start()
        started.wait()
        writer.send(b"here")
        thread.join()
        assert received == [b"here"]


def test_recv_into_fills_any_writable_buffer(pair: Pair) -> None:
    writer, reader = pair
    ctypes_buffer = smipc.create_string_buffer(20)
    numbers = array.array("i", [0] * 5)
    for buffer in [bytearray(20), memoryview(bytearray(30))[5:25], ctypes_buffer, numbers]:
        writer.send(b"twelve bytes")
        assert reader.recv_into(buffer) == 12
        assert bytes(memoryview(buffer).cast("B"))[:12] == b"twelve bytes"


def test_a_buffer_too_small_leaves_the_message(pair: Pair) -> None:
    writer, reader = pair
    writer.send_many([b"12345", b"6", b"78"])
    with pytest.raises(smipc.BufferTooSmallError, match=r"5 bytes.*4") as caught:
        reader.recv_into(bytearray(4))  # it has not been fetched yet
    assert caught.value.needed == 5
    assert reader.recv() == b"12345"
    assert reader.recv() == b"6"
    with pytest.raises(smipc.BufferTooSmallError, match=r"2 bytes.*1"):
        reader.recv_into(bytearray(1))  # it has been
    assert reader.recv() == b"78"


def test_a_buffer_too_small_for_a_large_message_leaves_it(pair: Pair) -> None:
    writer, reader = pair
    large = bytes(range(250)) * 400
    sender = threading.Thread(target=writer.send, args=(large,))
    sender.start()
    with pytest.raises(smipc.BufferTooSmallError) as caught:
        reader.recv_into(bytearray(4))
    assert caught.value.needed == len(large)
    buffer = bytearray(len(large) + 1)
    assert reader.recv_into(buffer) == len(large)
    assert buffer[:-1] == large
    sender.join()


def test_iteration_ends_when_the_writer_has_closed(pair: Pair) -> None:
    writer, reader = pair
    messages = [b"%d" % i for i in range(1000)]
    writer.send_many(messages)
    writer.close()
    assert list(reader) == messages
    with pytest.raises(smipc.OppositeEndClosedError):
        reader.recv()


def test_a_reader_drains_and_is_told_then(pair: Pair) -> None:
    writer, reader = pair
    writer.send(b"last")
    writer.close()
    assert reader.recv() == b"last"
    with pytest.raises(BrokenPipeError):
        reader.recv()
    with pytest.raises(smipc.OppositeEndClosedError):
        reader.recv_into(bytearray(1))
    with pytest.raises(smipc.OppositeEndClosedError):
        reader.recv_many()


def test_a_writer_is_told_as_soon_as_the_reader_has_closed(pair: Pair) -> None:
    writer, reader = pair
    reader.close()
    for send in (writer.send, lambda data: writer.send_many([data])):
        with pytest.raises(smipc.OppositeEndClosedError):
            while True:
                send(b"x")


def test_flush_waits_for_the_reader(pair: Pair) -> None:
    writer, reader = pair
    writer.flush(timeout=0)
    writer.send(b"x")
    with pytest.raises(smipc.TimedOutError):
        writer.flush(timeout=0.06)
    assert reader.recv() == b"x"
    writer.flush(timeout=0)


def test_fetched_messages_go_to_the_next_reader_unless_handed_out(name: bytes) -> None:
    writer, reader = open_pair(name)
    with writer:
        writer.send_many([b"%d" % i for i in range(10)])
        with reader:
            assert [reader.recv(), reader.recv()] == [b"0", b"1"]
            assert reader.recv_many(3) == [b"2", b"3", b"4"]
        with reader:
            assert reader.recv_many(3) == [b"5", b"6", b"7"]
        with reader:
            assert [reader.recv(0), reader.recv(0)] == [b"8", b"9"]
            with pytest.raises(smipc.TimedOutError):
                reader.recv(0)


def test_the_plain_form_of_lists_is_marshals() -> None:
    from smipc import _marshal

    lists = [[], [b""], [b"a", b"", bytes(1000)], [bytes([i]) * i for i in range(255)]]
    for items in lists:
        assert _marshal.plain_dumps(items) == _marshal.dumps(items, 2)
        assert _marshal.plain_loads(_marshal.dumps(items, 2)) == items
        assert _marshal.loads(_marshal.plain_dumps(items)) == items
    with pytest.raises(ValueError):
        _marshal.plain_dumps([b"a", "no bytes"])  # type: ignore[list-item]
    assert _marshal.loads is not _marshal.plain_loads, "CPython's form has changed"
