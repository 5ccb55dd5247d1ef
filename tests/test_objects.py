"""Python objects as messages."""

from __future__ import annotations

import pickle
import threading
from typing import Any

import numpy as np
import pytest
from pairs import Pair, open_pair

import smipc

THINGS: list[Any] = [
    None,
    5,
    "text",
    b"bytes",
    {"a": [1, 2.5, (None, True)], "b": {"c": b"x"}},
    bytearray(b"x" * 100),
    list(range(10_000)),
]


@pytest.mark.parametrize("thing", THINGS, ids=lambda thing: type(thing).__name__)
@pytest.mark.parametrize("capacity", [20, 1000, 65536])
def test_objects_come_as_they_were(name: bytes, thing: Any, capacity: int) -> None:
    writer, reader = open_pair(name, capacity)
    with writer, reader:
        sender = threading.Thread(target=lambda: [writer.send_object(thing) for _ in range(3)])
        sender.start()
        assert [reader.recv_object() for _ in range(3)] == [thing] * 3
        sender.join()


@pytest.mark.parametrize("size", [0, 1, 1000, 100_000, 1_000_000])
def test_arrays_in_objects_are_not_pickled(name: bytes, size: int) -> None:
    thing = {
        "a": np.arange(size, dtype=np.float32),
        "b": np.asfortranarray(np.ones((3, size // 3))),
        "c": [pickle.PickleBuffer(b"raw")],
    }
    writer, reader = open_pair(name, 65536)
    with writer, reader:
        sender = threading.Thread(target=writer.send_object, args=(thing,))
        sender.start()
        received = reader.recv_object()
        sender.join()
        assert np.array_equal(received["a"], thing["a"])
        assert np.array_equal(received["b"], thing["b"])
        assert bytes(received["c"][0]) == b"raw"
        received["a"] += 1  # it owns its memory, and may write there
        if size:
            assert received["a"][0] == 1


def test_a_plain_object_is_its_pickle(pair: Pair) -> None:
    writer, reader = pair
    writer.send_object({"a": 1})
    assert pickle.loads(reader.recv()) == {"a": 1}
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        writer.send(pickle.dumps({"a": 1}, protocol))
        assert reader.recv_object() == {"a": 1}


def with_buffers() -> bytes:
    """A message with out-of-band buffers, as it goes through the channel."""
    from smipc._pickles import object_parts

    return b"".join(object_parts(np.arange(10)))


BAD = {
    "empty": b"",
    "text": b"hello",
    "counts only": with_buffers()[:20],
    "cut off": with_buffers()[:-1],
    "many buffers": with_buffers()[:8] + b"\xff" * 8 + with_buffers()[16:],
    "a long pickle": with_buffers()[:16] + b"\xff" * 8 + with_buffers()[24:],
    "a long buffer": with_buffers()[:24] + b"\xff" * 8 + with_buffers()[32:],
}


@pytest.mark.parametrize("message", BAD.values(), ids=BAD.keys())
def test_what_is_no_object_stays(pair: Pair, name: bytes, message: bytes) -> None:
    writer, reader = pair
    writer.send_many([message, b"next"])
    for _ in range(2):
        with pytest.raises(smipc.MessageFormatError, match=name.decode()):
            reader.recv_object()
    assert [reader.recv(), reader.recv()] == [message, b"next"]


class Explodes:
    def __reduce__(self) -> tuple[Any, ...]:
        return int, ("no number",)


@pytest.mark.parametrize("ballast", [0, 1000, 1_000_000])
def test_what_cannot_be_unpickled_stays(pair: Pair, ballast: int) -> None:
    writer, reader = pair
    thing = [Explodes(), np.zeros(ballast, np.uint8)]
    sender = threading.Thread(target=writer.send_object, args=(thing,))
    sender.start()
    for _ in range(2):
        with pytest.raises(ValueError, match="no number"):
            reader.recv_object()
    assert len(reader.recv()) > ballast
    sender.join()
    writer.send_object("next")
    assert reader.recv_object() == "next"


def test_what_cannot_be_pickled_is_not_sent(pair: Pair) -> None:
    writer, reader = pair
    with pytest.raises((pickle.PicklingError, AttributeError, TypeError)):
        writer.send_object(threading.Lock())
    with pytest.raises(pickle.PicklingError):
        writer.send_object(pickle.PickleBuffer(memoryview(b"0123456789")[::2]))
    with pytest.raises(smipc.TimedOutError):
        reader.recv_object(0)


def test_timeouts(pair: Pair) -> None:
    _, reader = pair
    for timeout in (0, 0.06):
        with pytest.raises(smipc.TimedOutError):
            reader.recv_object(timeout)


class SendsWhilePickled:
    """What an object may do that is pickled: send another one through the same channel."""

    writer: Any = None

    def __reduce__(self) -> Any:
        self.writer.send_object([np.arange(5), "inner"])
        return list, ((1, 2),)


class Unwilling:
    def __reduce__(self) -> Any:
        raise RuntimeError("not me")


def test_objects_sent_while_another_is_pickled_keep_their_own_buffers(pair: Pair) -> None:
    writer, reader = pair
    SendsWhilePickled.writer = writer
    for _ in range(3):
        writer.send_object([np.arange(3), SendsWhilePickled(), np.arange(4)])
        inner, text = reader.recv_object()
        assert (list(inner), text) == ([0, 1, 2, 3, 4], "inner")
        first, middle, last = reader.recv_object()
        assert (list(first), middle, list(last)) == ([0, 1, 2], [1, 2], [0, 1, 2, 3])
        writer.send_object("plain")
        assert reader.recv_object() == "plain"


def test_an_object_that_cannot_be_pickled_leaves_nothing_to_the_next_one(pair: Pair) -> None:
    writer, reader = pair
    for _ in range(2):
        with pytest.raises(RuntimeError, match="not me"):
            writer.send_object([np.arange(3), Unwilling()])
        writer.send_object("plain")
        assert reader.recv_object() == "plain"


def test_threads_that_send_objects_at_once_keep_their_own_buffers(name: bytes) -> None:
    writer, reader = open_pair(name, 1 << 20)
    rounds = 300

    def send(number: int) -> None:
        for i in range(rounds):
            writer.send_object((number, np.full(number, i)) if i % 2 else (number, i))

    with writer, reader:
        threads = [threading.Thread(target=send, args=(number,)) for number in (1, 2, 3)]
        for thread in threads:
            thread.start()
        seen = {1: 0, 2: 0, 3: 0}
        for _ in range(3 * rounds):
            number, value = reader.recv_object()
            i = seen[number]
            seen[number] += 1
            assert list(value) == [i] * number if i % 2 else value == i
        for thread in threads:
            thread.join()
