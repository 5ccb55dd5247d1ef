"""Arguments that are nearly right, and those that a call might get away with unread: refused all
the same, by an error of smipc that names the channel; and what an error says of the part that has
gone."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from pairs import Pair, open_pair
from shared_structs import Everything

import smipc


def refused(kind: type[BaseException], name: bytes, word: str, call: Callable[[], object]) -> None:
    with pytest.raises(smipc.SmipcError) as caught:
        call()
    assert isinstance(caught.value, kind)
    assert name.decode() in str(caught.value)
    assert word in str(caught.value)


ODD_TIMEOUTS: list[tuple[Any, type[BaseException]]] = [
    (-1, ValueError),
    (-0.5, ValueError),
    (float("nan"), ValueError),
    ("1", TypeError),
    (False, TypeError),
    (int, TypeError),
    (Fraction(10**400), ValueError),
]


@pytest.mark.parametrize(("timeout", "kind"), ODD_TIMEOUTS)
def test_timeouts_are_checked_when_nothing_is_waited_for(
    pair: Pair, name: bytes, timeout: Any, kind: type[BaseException]
) -> None:
    writer, reader = pair
    refused(kind, name, "timeout", lambda: writer.send(b"there is room", timeout))
    refused(kind, name, "timeout", lambda: writer.send_object("room", timeout))
    writer.send_many([b"1", b"2", b"3"])
    assert reader.recv() == b"1"  # and the others are fetched
    refused(kind, name, "timeout", lambda: reader.recv(timeout))
    assert reader.recv_many() == [b"2", b"3"]


@pytest.mark.parametrize(("timeout", "kind"), ODD_TIMEOUTS)
def test_timeouts_of_arrays_are_checked_when_nothing_is_waited_for(
    pair: Pair, name: bytes, timeout: Any, kind: type[BaseException]
) -> None:
    numpy = pytest.importorskip("numpy")
    writer, reader = pair
    array = numpy.arange(3)
    for _ in range(2):  # from the second on, in one native call
        writer.send_array(array)
        assert reader.recv_array().tolist() == [0, 1, 2]
    refused(kind, name, "timeout", lambda: writer.send_array(array, timeout))
    writer.send_array(array)
    refused(kind, name, "timeout", lambda: reader.recv_array(timeout))
    refused(kind, name, "timeout", lambda: reader.recv_array(timeout, out=array))
    assert reader.recv_array().tolist() == [0, 1, 2]


@pytest.mark.parametrize("timeout", [Decimal("0"), Fraction(1, 2), 10**400, float("inf"), 1e-300])
def test_numbers_of_any_kind_are_timeouts(pair: Pair, timeout: Any) -> None:
    writer, reader = pair
    writer.send(b"x", timeout)
    assert reader.recv(timeout) == b"x"


class NoInteger:
    def __index__(self) -> int:
        return "four"  # type: ignore[return-value]


@pytest.mark.parametrize("number", [int, NoInteger(), NoInteger, 4.0])
def test_numbers_that_are_none(pair: Pair, name: bytes, number: Any) -> None:
    writer, reader = pair
    writer.send(b"message")
    refused(TypeError, name, "limit", lambda: reader.recv_many(number))
    refused(TypeError, name, "size", lambda: writer.reserve(number))
    refused(TypeError, name, "mode", lambda: smipc.open_channel(name, number))
    refused(TypeError, name, "chan_sz", lambda: smipc.open_channel(name, smipc.CHAN_R, number))
    refused(TypeError, b"", "log_level", lambda: smipc.init_library(number))
    assert reader.recv() == b"message"


def test_arrays_where_numbers_and_words_belong(pair: Pair, name: bytes) -> None:
    numpy = pytest.importorskip("numpy")
    writer, reader = pair
    array = numpy.zeros(3)
    refused(TypeError, name, "limit", lambda: reader.recv_many(array))
    refused(TypeError, name, "timeout", lambda: reader.recv(array))
    refused(ValueError, name, "order", lambda: writer.reserve_array(3, order=array))


@pytest.mark.parametrize("things", [None, 5, int])
def test_what_cannot_be_gone_through(pair: Pair, name: bytes, things: Any) -> None:
    writer, _ = pair
    refused(TypeError, name, "iterable", lambda: writer.send_many(things))
    refused(TypeError, b"", "iterable", lambda: smipc.wait(things))


def test_nothing_is_sent_of_what_cannot_be_made(pair: Pair) -> None:
    def broken() -> Iterator[bytes]:
        yield b"first"
        raise TypeError("made by the caller")

    writer, reader = pair
    with pytest.raises(TypeError, match="made by the caller"):
        writer.send_many(broken())
    with pytest.raises(smipc.TimedOutError):
        reader.recv(0)


def test_an_error_in_the_middle_says_how_many_messages_have_gone(pair: Pair) -> None:
    writer, reader = pair
    items: list[Any] = [b"%d" % number for number in range(1500)]
    bad: Any = 5
    with pytest.raises(smipc.InvalidTypeError) as caught:
        writer.send_many([*items, bad, b"never"])
    assert caught.value.transferred == 1500
    assert [reader.recv(0) for _ in items] == items
    with pytest.raises(smipc.TimedOutError):
        reader.recv(0)


def test_references_to_objects_are_not_overwritten(pair: Pair, name: bytes) -> None:
    numpy = pytest.importorskip("numpy")

    class Named(ctypes.Structure):
        _fields_ = [("O", ctypes.c_short)]

    writer, reader = pair
    thing: Any = object()
    array = numpy.array([thing, thing])
    records = numpy.array([(1, thing)], dtype=[("number", "i4"), ("thing", object)])
    writer.send(b"\1\2\3\4\5\6\7\0")
    for buffer in (array, records, (ctypes.py_object * 2)(thing, thing)):
        refused(TypeError, name, "Python objects", lambda: reader.recv_into(buffer))  # noqa: B023
    assert array[0] is thing
    assert reader.recv(0) == b"\1\2\3\4\5\6\7\0"
    writer.send(b"\1\2")
    named = Named()
    assert reader.recv_into(named) == 2  # that is only what its field is called
    assert named.O == 0x0201
    with open_pair(name + b".s", framing="stream")[1] as stream:
        refused(TypeError, name, "Python objects", lambda: stream.read(array, 8))


def test_references_to_objects_are_not_sent(pair: Pair, name: bytes) -> None:
    numpy = pytest.importorskip("numpy")
    writer, reader = pair
    array: Any = numpy.array([object()])
    refused(TypeError, name, "Python objects", lambda: writer.send((ctypes.py_object * 1)(array)))
    refused(TypeError, name, "Python objects", lambda: writer.send(array))
    with pytest.raises(smipc.TimedOutError):
        reader.recv(0)
    with open_pair(name + b".s", framing="stream")[0] as stream:
        refused(TypeError, name, "Python objects", lambda: stream.write(array))
    text, new = name.decode(), smipc.Flags.RAISE_IF_EXISTS
    with smipc.NamedMessageQueue(text + "-q", handle_existence=new) as queue:
        refused(TypeError, name, "Python objects", lambda: queue.send(array))
        queue.unlink()
    with smipc.SharedCircularBuffer(text + "-c", create=True, item_size=8) as buffer:
        refused(TypeError, name, "Python objects", lambda: buffer.push_bytes(array))


class Unspeakable:
    def __repr__(self) -> str:
        raise RuntimeError("no words for it")


def test_an_error_about_a_wrong_type_says_the_value(pair: Pair, name: bytes) -> None:
    _, reader = pair

    def channel(**arguments: Any) -> smipc.Channel:
        return smipc.open_channel(name, **{"mode": smipc.CHAN_R, **arguments})

    refused(TypeError, name, "float: 20.5", lambda: channel(chan_sz=20.5))
    refused(TypeError, name, "str: 'r'", lambda: channel(mode="r"))
    refused(TypeError, name, "int: 7", lambda: channel(framing=7))
    refused(TypeError, name, "str: '1'", lambda: reader.recv("1"))  # type: ignore[arg-type]
    refused(TypeError, name, "str: 'all'", lambda: reader.recv_many("all"))  # type: ignore[arg-type]
    refused(TypeError, name, "int: 5", lambda: reader.read_async(5))  # type: ignore[arg-type]
    refused(TypeError, b"", "int: 5", lambda: smipc.wait([5]))  # type: ignore[list-item]
    # Not all of a long one, and never another error in its place.
    with pytest.raises(smipc.InvalidTypeError) as caught:
        channel(chan_sz="a" * 10_000)
    assert len(str(caught.value)) < 300
    refused(TypeError, name, "Unspeakable", lambda: channel(chan_sz=Unspeakable()))


ODD_VALUES = {
    "no repr": Unspeakable(),
    "long": "a" * 10_000,
    "many digits": 10**5000,
    "class": int,
    "list": [1],
}


@pytest.mark.parametrize("which", ODD_VALUES)
def test_the_other_objects_refuse_odd_values_with_errors_of_their_own(
    name: bytes, tmp_path: Path, which: str
) -> None:
    """Not what the value raises, nor all of a long one. Those of named objects are ValueErrors."""
    odd: Any = ODD_VALUES[which]
    text, new = name.decode(), smipc.Flags.RAISE_IF_EXISTS

    def refused_as(kind: type[BaseException], call: Callable[[], object]) -> None:
        with pytest.raises(smipc.SmipcError) as caught:
            call()
        assert isinstance(caught.value, kind)
        assert len(str(caught.value)) < 700

    semaphore = smipc.NamedSemaphore(text, handle_existence=new)
    memory = smipc.NamedSharedMemory(text, 10, handle_existence=new)
    queue = smipc.NamedMessageQueue(text, handle_existence=new)
    for call in (
        lambda: smipc.NamedSemaphore(odd),
        lambda: smipc.NamedSemaphore(text, odd),
        lambda: smipc.NamedSemaphore(text, handle_existence=odd),
        lambda: smipc.NamedSemaphore(text, unlink_on_delete=odd),
        lambda: semaphore.acquire(odd),
        lambda: semaphore.acquire(timeout=-(10**5000)),
        lambda: semaphore.release(odd),
        lambda: smipc.NamedSharedMemory(text, odd),
        lambda: smipc.NamedSharedMemory(text, read_only=odd),
        lambda: smipc.NamedMessageQueue(text, odd),
        lambda: smipc.NamedMessageQueue(text, read=odd),
        lambda: queue.send(b"", priority=odd),
        lambda: queue.request_notification(odd),
        lambda: setattr(queue, "block", odd),
    ):
        refused_as(ValueError, call)

    def is_circular(**arguments: Any) -> Callable[[], object]:
        return lambda: smipc.SharedCircularBuffer(**{"name": text, "create": True, **arguments})

    refused_as(Exception, is_circular(name=odd))
    refused_as(TypeError, is_circular(create=odd))
    refused_as(Exception, is_circular(length=odd))
    with smipc.SharedCircularBuffer(text, create=True) as buffer:
        if which != "many digits":  # that is an OverflowError
            refused_as(TypeError, lambda: buffer.push(odd))

    manager = smipc.DataStructMmapManager(Everything, tmp_path, create=True)
    for call in (
        lambda: smipc.DataStructMmapReader(odd, tmp_path),
        lambda: smipc.DataStructMmapReader(Everything, tmp_path, odd),
        lambda: smipc.DataStructMmapManager(Everything, tmp_path, force=odd),
        lambda: smipc.DataStructMmapManager.setUserStructs(odd),
        lambda: smipc.DataStructMmapManager.setUserStructs(odd if which == "long" else [odd]),
        lambda: manager.lock(odd),
        lambda: manager.readData(odd),
        lambda: manager.readData("points[" + "9" * 5000 + "]"),
        lambda: manager.points[odd],
        lambda: manager.writeData("data_int", odd),
        lambda: manager.writeData("data_string", odd),
        lambda: manager.writeData("data_xy", odd),
        lambda: manager.writeData("data_xy.x", odd),
        lambda: manager.writeData("points", odd),
    ):
        refused_as(Exception, call)
    for kept in (semaphore, memory, queue):
        kept.unlink()
