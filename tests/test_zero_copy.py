"""Views of the channel's own memory: what they show, when they end, and that they never crash."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable

import numpy as np
import pytest
from pairs import Pair, open_pair

import smipc


def test_a_message_is_written_and_read_in_place(pair: Pair) -> None:
    writer, reader = pair
    for round_ in range(200):
        with writer.reserve(1000) as room:
            assert isinstance(room, memoryview)
            assert (room.nbytes, room.readonly, room.format) == (1000, False, "B")
            room[:] = bytes([round_]) * 1000
        with reader.peek() as view:
            assert (view.nbytes, view.readonly) == (1000, True)
            assert view == bytes([round_]) * 1000


def test_an_exception_gives_the_reservation_up(pair: Pair) -> None:
    writer, reader = pair
    with pytest.raises(KeyError), writer.reserve(10):
        raise KeyError
    writer.send(b"next")
    assert reader.recv() == b"next"
    with pytest.raises(smipc.TimedOutError):
        reader.recv(0)


def test_fewer_bytes_may_be_committed(pair: Pair) -> None:
    writer, reader = pair
    reservation = writer.reserve(100)
    with reservation as room:
        room[:3] = b"abc"
        reservation.commit(3)
    assert reader.recv() == b"abc"
    reservation = writer.reserve(100)
    with reservation:
        reservation.abort()
    reservation = writer.reserve(5)
    with reservation as room:
        room[:] = b"12345"
        with pytest.raises(smipc.InvalidArgumentError, match="6"):
            reservation.commit(6)
        with pytest.raises(smipc.InvalidArgumentError):
            reservation.commit(-1)
    assert reader.recv() == b"12345"
    with pytest.raises(smipc.InvalidArgumentError):
        reservation.commit()
    with pytest.raises(smipc.InvalidArgumentError), reservation:
        pass


def test_empty_messages(pair: Pair) -> None:
    writer, reader = pair
    with writer.reserve(0) as room:
        assert len(room) == 0
    with reader.peek() as view:
        assert bytes(view) == b""


def test_reserve_waits_for_room(name: bytes) -> None:
    writer, reader = open_pair(name, 100)
    with writer, reader:
        writer.send(bytes(100))
        for timeout in (0, 0.06):
            with pytest.raises(smipc.TimedOutError), writer.reserve(10, timeout):
                pass
        assert reader.recv() == bytes(100)
        with writer.reserve(10, 0) as room:
            room[:] = bytes(10)
        assert reader.recv() == bytes(10)


def test_only_one_loan_at_a_time(pair: Pair) -> None:
    writer, reader = pair
    with writer.reserve(10):
        for call in (
            lambda: writer.send(b"x"),
            lambda: writer.send_many([b"x"]),
            lambda: writer.reserve(1).__enter__(),
        ):
            with pytest.raises(smipc.BusyError):
                call()
    writer.send_many([b"second", b"third"])
    with reader.peek():
        for read in READING:
            with pytest.raises(smipc.BusyError):
                read(reader)
    assert reader.recv() == b"second"  # and the same with messages that have been fetched
    with reader.peek() as view:
        assert view == b"third"
        for read in READING:
            with pytest.raises(smipc.BusyError):
                read(reader)
    with pytest.raises(smipc.TimedOutError):
        reader.recv(0)


READING: list[Callable[[smipc.Channel], object]] = [
    lambda c: c.recv(),
    lambda c: c.recv(0),
    lambda c: c.recv_many(),
    lambda c: c.recv_into(bytearray(100)),
    lambda c: next(c),
    lambda c: c.peek().__enter__(),
    lambda c: c.recv_array(),
    lambda c: c.recv_object(),
    lambda c: c.read_async(print),
]


@pytest.mark.parametrize("fetched", [False, True])
def test_peek_takes_the_message_even_after_an_exception(pair: Pair, fetched: bool) -> None:
    writer, reader = pair
    writer.send_many([b"0", b"1", b"2"])
    if fetched:
        assert reader.recv() == b"0"
    else:
        with reader.peek():
            pass
    with pytest.raises(KeyError), reader.peek():
        raise KeyError
    assert reader.recv() == b"2"


def test_what_is_peeked_at_and_not_left_stays_for_the_next_reader(name: bytes) -> None:
    writer, reader = open_pair(name)
    with writer:
        writer.send_many([b"0", b"1", b"2"])
        reader.peek().__enter__()
        reader.close()
        with reader:
            assert reader.recv() == b"0"
            reader.peek().__enter__()
        with reader:
            assert reader.recv_many() == [b"1", b"2"]


def test_a_message_larger_than_the_channel(name: bytes) -> None:
    writer, reader = open_pair(name, 1000)
    with writer, reader:
        message = bytes(range(256)) * 100
        sender = threading.Thread(target=writer.send, args=(message,))
        sender.start()
        with reader.peek() as view:
            assert view == message
            kept = np.frombuffer(view, np.uint8)
        sender.join()
        assert kept.tobytes() == message
        with pytest.raises(smipc.InvalidArgumentError, match="1001"), writer.reserve(1001):
            pass


def test_a_view_is_released_on_leaving(pair: Pair) -> None:
    writer, reader = pair
    with writer.reserve(3) as room:
        room[:] = b"abc"
    with pytest.raises(ValueError, match="released"):
        room[0]
    with reader.peek() as view:
        pass
    with pytest.raises(ValueError, match="released"):
        bytes(view)


@pytest.mark.parametrize("end", ["left", "closed", "deleted"])
@pytest.mark.parametrize("how", ["slice", "array"])
def test_what_was_made_from_a_view_never_crashes(name: bytes, end: str, how: str) -> None:
    writer, reader = open_pair(name, 1 << 20)
    size = 1 << 20

    def derive(view: memoryview) -> np.ndarray | memoryview:
        return view[5:] if how == "slice" else np.frombuffer(view, np.uint8)

    reservation = writer.reserve(size)
    room = derive(reservation.__enter__())
    room[0:1] = b"x" if how == "slice" else 120
    reservation.__exit__(None, None)
    borrow = reader.peek()
    seen = derive(borrow.__enter__())
    if end != "closed":
        borrow.__exit__()
    if end != "left":
        writer.close()
        reader.close()
    if end == "deleted":
        del writer, reader, borrow, reservation
        gc.collect()
    for derived in (room, seen):
        assert len(bytes(derived)) == len(derived)  # touches every page; the bytes mean nothing
    room[1:2] = b"y" if how == "slice" else 121
    if end == "left":
        writer.close()
        reader.close()


def test_closing_ends_the_loans(pair: Pair) -> None:
    writer, reader = pair
    writer.send(b"x")
    with pytest.raises(smipc.ClosedError), writer.reserve(10) as room:
        writer.close()
        with pytest.raises(ValueError, match="released"):
            room[0]
    with reader.peek() as view:
        reader.close()
        with pytest.raises(ValueError, match="released"):
            view[0]


def test_a_channel_that_is_dropped_is_closed(name: bytes) -> None:
    writer, reader = open_pair(name)
    with reader:
        writer.send(b"last")
        del writer
        gc.collect()
        assert list(reader) == [b"last"]


def test_array_views(pair: Pair) -> None:
    writer, reader = pair
    for order in ("C", "F"):
        with writer.reserve_array((3, 4), np.int16, order) as array:
            assert (array.shape, array.dtype) == ((3, 4), np.int16)
            array[:] = np.arange(12).reshape(3, 4)
            del array
        with reader.peek_array() as array:
            assert not array.flags.writeable
            assert array.flags.c_contiguous == (order == "C")
            assert array.tolist() == np.arange(12).reshape(3, 4).tolist()
            del array
    writer.send_array(np.eye(3))
    with reader.peek_array() as array:
        assert array.tolist() == np.eye(3).tolist()
        del array


@pytest.mark.parametrize("fetched", [False, True])
def test_peeking_at_what_is_no_array_leaves_it(pair: Pair, fetched: bool) -> None:
    writer, reader = pair
    writer.send_many([b"0", b"no array", b"next"])
    if fetched:
        assert reader.recv() == b"0"
    else:
        assert reader.recv_into(bytearray(1)) == 1
    with pytest.raises(smipc.MessageFormatError), reader.peek_array():
        pass
    assert [reader.recv(), reader.recv()] == [b"no array", b"next"]


def test_array_reservations_check_their_arguments(pair: Pair, name: bytes) -> None:
    writer, _ = pair
    overlapping = {"names": ["a", "b"], "formats": ["i4", "i2"], "offsets": [0, 2]}
    for arguments in [
        ((3,), object),
        ((-1,), float),
        ((3,), float, "K"),
        ((100_000,), float),
        ((1,) * 70, float),
        ((0, 2**61), float),
        ((0, 2**70), float),
        ((3,), "(2,3)i4"),
        ((3,), overlapping),
    ]:
        with (
            pytest.raises(smipc.InvalidArgumentError, match=name.decode()),
            writer.reserve_array(*arguments),
        ):
            pass
    with pytest.raises(smipc.InvalidTypeError, match=name.decode()):
        writer.reserve_array("x", float)  # type: ignore[arg-type]
    with pytest.raises(smipc.InvalidTypeError, match=name.decode()):
        writer.reserve_array(3, "no dtype")
    with pytest.raises(smipc.InvalidTypeError, match=name.decode()):
        writer.reserve_array(3, "i4,,")
