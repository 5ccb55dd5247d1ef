"""Whatever is wrong gets a clear error, of the right types, that names the channel and the value;
and nothing is lost by it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pairs import Pair, open_pair

import smipc
from smipc import CHAN_R, CHAN_W, Channel


@contextlib.contextmanager
def raises_both(
    kind: type[BaseException], name: bytes, *words: str
) -> Iterator[pytest.ExceptionInfo[BaseException]]:
    """pytest.raises for a SmipcError that is also a `kind`; its text has the name and the words."""
    with pytest.raises(smipc.SmipcError) as caught:
        yield caught  # type: ignore[misc]
    assert isinstance(caught.value, kind)
    for word in (name.decode(), *words):
        assert word in str(caught.value)


# ---- Opening


@pytest.mark.parametrize(
    ("cid", "kind", "word"),
    [
        (b"", ValueError, "0"),
        ("", ValueError, "0"),
        (b"x" * 201, ValueError, "201"),
        ("\u00e4" * 101, ValueError, "202"),
        (b"a\0b", ValueError, "NUL"),
        ("\udc80", ValueError, "udc80"),
        (5, TypeError, "int"),
        (None, TypeError, "None"),
        (bytearray(b"x"), TypeError, "bytearray"),
    ],
)
def test_names(cid: Any, kind: type[BaseException], word: str) -> None:
    for call in (lambda: smipc.open_channel(cid, CHAN_R), lambda: smipc.unlink(cid)):
        with raises_both(kind, b"", word):
            call()


def test_the_longest_and_the_strangest_names_work(make_name: Callable[[], bytes]) -> None:
    for tail in (b"/../x", b"\xff\x01 \n'\\", "ä€".encode(), b"x" * 200):
        cid = (make_name() + tail)[:200]
        writer, reader = open_pair(cid)
        with writer, reader:
            writer.send(b"x")
            assert reader.recv() == b"x"
            assert str(writer.status()).startswith("Channel(")


def test_str_and_bytes_are_the_same_name(name: bytes) -> None:
    with (
        smipc.open_channel(name.decode() + "ä", CHAN_W) as writer,
        smipc.open_channel(name + "ä".encode(), CHAN_R) as reader,
    ):
        writer.write(b"x")
        assert reader.read(bytearray(1), 1, True) == 1
        assert writer.cid == reader.cid


@pytest.mark.parametrize(
    ("arguments", "kind", "word"),
    [
        ({"mode": 2}, ValueError, "2"),
        ({"mode": -1}, ValueError, "-1"),
        ({"mode": "r"}, TypeError, "str"),
        ({"mode": True}, TypeError, "bool"),
        ({"chan_sz": 0}, ValueError, "0"),
        ({"chan_sz": -5}, ValueError, "-5"),
        ({"chan_sz": 2**40 + 1}, ValueError, str(2**40 + 1)),
        ({"chan_sz": 2**70}, ValueError, str(2**70)),
        ({"chan_sz": 1.5}, TypeError, "float"),
        ({"chanSz": 0}, ValueError, "0"),
        ({"framing": "packet"}, ValueError, "packet"),
        ({"framing": 1}, TypeError, "int"),
        ({"wait": "sleep"}, ValueError, "sleep"),
        ({"lifetime": "session"}, ValueError, "session"),
        ({"access": "everybody"}, ValueError, "everybody"),
    ],
)
def test_arguments_of_open_channel(
    name: bytes, arguments: dict[str, Any], kind: type[BaseException], word: str
) -> None:
    with raises_both(kind, name, word):
        smipc.open_channel(name, **{"mode": CHAN_R, **arguments})


def test_a_size_beyond_memory_is_an_error_when_it_is_opened(name: bytes) -> None:
    with raises_both(OSError, name, str(2**40)[:6]) as caught:
        smipc.open_channel(name, CHAN_W, 2**40).open()
    assert isinstance(caught.value, smipc.NoSpaceError)


def test_a_second_writer_and_a_second_reader(pair: Pair, name: bytes) -> None:
    for mode in (CHAN_R, CHAN_W):
        with raises_both(OSError, name, str(os.getpid())) as caught:
            smipc.open_channel(name, mode, framing="message").open()
        assert isinstance(caught.value, smipc.EndTakenError)


def test_the_other_framing(pair: Pair, name: bytes) -> None:
    writer, reader = pair
    reader.close()
    with raises_both(smipc.WrongFramingError, name, "message"):
        smipc.open_channel(name, CHAN_R, framing="stream").open()
    with reader:
        writer.send(b"still works")
        assert reader.recv() == b"still works"


def test_opening_twice(pair: Pair, name: bytes) -> None:
    writer, _ = pair
    with raises_both(smipc.BusyError, name):
        writer.open()


def test_unlinking_what_is_not_there(name: bytes) -> None:
    with raises_both(FileNotFoundError, name) as caught:
        smipc.unlink(name)
    assert isinstance(caught.value, smipc.NotFoundError)


# ---- The wrong end, the wrong framing, a channel that is not open

READING: list[Callable[[Channel], object]] = [
    lambda c: c.recv(0),
    lambda c: c.recv(),
    lambda c: c.recv_into(bytearray(1)),
    lambda c: c.recv_many(1),
    lambda c: next(c),
    lambda c: c.peek().__enter__(),
    lambda c: c.recv_array(),
    lambda c: c.recv_object(),
]
WRITING: list[Callable[[Channel], object]] = [
    lambda c: c.send(b"x"),
    lambda c: c.send(bytearray(b"x")),
    lambda c: c.send_many([b"x"]),
    lambda c: c.reserve(1).__enter__(),
    lambda c: c.send_array([1]),
    lambda c: c.send_object(1),
]
STREAM_READING: list[Callable[[Channel], object]] = [
    lambda c: c.read(bytearray(1), 1),
    lambda c: c.read(bytearray(1), 1, True),
]
STREAM_WRITING: list[Callable[[Channel], object]] = [lambda c: c.write(b"x")]
NEUTRAL: list[Callable[[Channel], object]] = [lambda c: c.flush(), lambda c: c.fileno()]


def test_the_wrong_end(pair: Pair, name: bytes) -> None:
    writer, reader = pair
    for call in [*READING, lambda c: c.fileno(), lambda c: smipc.wait([c])]:
        with raises_both(OSError, name, "writer") as caught:
            call(writer)
        assert isinstance(caught.value, smipc.WrongEndError)
    for call in [*WRITING, lambda c: c.flush()]:
        with raises_both(smipc.WrongEndError, name, "reader"):
            call(reader)
    writer.send(b"nothing is lost")
    assert reader.recv() == b"nothing is lost"


def test_the_wrong_end_of_a_stream(stream: Pair, name: bytes) -> None:
    writer, reader = stream
    for call in STREAM_READING:
        with raises_both(ValueError, name, "writer"):
            call(writer)
    for call in STREAM_WRITING:
        with raises_both(smipc.WrongEndError, name, "reader"):
            call(reader)


@pytest.mark.parametrize("framing", ["message", "stream"])
def test_calls_that_belong_to_the_other_framing(name: bytes, framing: str) -> None:
    writer, reader = open_pair(name, framing=framing)
    with writer, reader:
        for call in STREAM_READING if framing == "message" else READING:
            with raises_both(OSError, name, framing) as caught:
                call(reader)
            assert isinstance(caught.value, smipc.WrongFramingError)
        for call in STREAM_WRITING if framing == "message" else WRITING:
            with raises_both(smipc.WrongFramingError, name, framing):
                call(writer)


@pytest.mark.parametrize("closed", [False, True])
def test_a_channel_that_is_not_open(name: bytes, closed: bool) -> None:
    for mode, framing, calls in [
        (CHAN_R, "message", [*READING, *NEUTRAL]),
        (CHAN_W, "message", [*WRITING, *NEUTRAL]),
        (CHAN_R, "stream", [*STREAM_READING, *NEUTRAL]),
        (CHAN_W, "stream", [*STREAM_WRITING, *NEUTRAL]),
    ]:
        channel = smipc.open_channel(name, mode, framing=framing)  # type: ignore[arg-type]
        if closed:
            channel.open().close()
        for call in [*calls, lambda c: c.read_async(print)]:
            with raises_both(ValueError, name, "not open") as caught:
                call(channel)
            assert isinstance(caught.value, smipc.ClosedError)


# ---- Arguments of the calls


BAD_TIMEOUTS: list[tuple[Any, type[BaseException]]] = [
    (-1, ValueError),
    (-0.001, ValueError),
    (float("nan"), ValueError),
    (float("-inf"), ValueError),
    ("1", TypeError),
    (b"1", TypeError),
    (True, TypeError),
    ([], TypeError),
    (1j, TypeError),
]


@pytest.mark.parametrize(("timeout", "kind"), BAD_TIMEOUTS)
def test_timeouts(name: bytes, timeout: Any, kind: type[BaseException]) -> None:
    writer, reader = open_pair(name, 8)
    with writer, reader:
        calls: list[Callable[[], object]] = [
            lambda: reader.recv(timeout),
            lambda: reader.recv_many(1, timeout),
            lambda: reader.recv_into(bytearray(1), timeout),
            lambda: reader.peek(timeout),
            lambda: reader.recv_object(timeout),
            lambda: writer.flush(timeout),
            lambda: writer.reserve(1, timeout),
            lambda: writer.send_many([b"x"], timeout),
        ]
        for call in calls:
            with raises_both(kind, name, "timeout"):
                call()
        writer.send(bytes(8))
        with raises_both(kind, name, "timeout"):
            writer.send(b"x", timeout)
        with raises_both(kind, b"", "timeout"):
            smipc.wait([reader], timeout)
        assert reader.recv() == bytes(8)


@pytest.mark.parametrize("data", ["text", 5, None, [b"x"], {}, object()])
def test_data_that_is_not_bytes_like(pair: Pair, name: bytes, data: Any) -> None:
    writer, reader = pair
    with raises_both(TypeError, name, type(data).__name__):
        writer.send(data)
    with raises_both(TypeError, name, type(data).__name__):
        writer.send_many([b"first", b"second", data, b"last"])
    assert reader.recv_many(10, timeout=0) == [b"first", b"second"]


def test_native_pointers_are_refused(pair: Pair, name: bytes) -> None:
    import cffi

    writer, reader = pair
    ffi = cffi.FFI()
    for data in (ffi.new("int[3]"), ffi.new("char *"), ffi.NULL):
        with raises_both(TypeError, name):
            writer.send(data)
        with raises_both(TypeError, name):
            reader.recv_into(data)
    with pytest.raises(smipc.TimedOutError):
        reader.recv(0)


def test_views_that_are_not_contiguous_or_released(pair: Pair, name: bytes) -> None:
    writer, reader = pair
    gaps = memoryview(bytearray(10))[::2]
    with raises_both(ValueError, name, "contiguous"):
        writer.send(gaps)
    with raises_both(ValueError, name, "contiguous"):
        writer.send_many([b"first", gaps])
    with raises_both(ValueError, name, "contiguous"):
        reader.recv_into(gaps)
    released = memoryview(b"x")
    released.release()
    with raises_both(ValueError, name, "released"):
        writer.send(released)
    assert reader.recv_many(10, timeout=0) == [b"first"]


@pytest.mark.parametrize(
    ("buffer", "word"),
    [(b"read-only", "bytes"), (memoryview(b"x"), "read-only"), ("x", "str"), (5, "int")],
)
def test_buffers_that_cannot_be_filled(pair: Pair, name: bytes, buffer: Any, word: str) -> None:
    writer, reader = pair
    writer.send(b"message")
    with raises_both(TypeError, name, word):
        reader.recv_into(buffer)
    assert reader.recv() == b"message"


def test_reads_of_the_wrong_size(stream: Pair, name: bytes) -> None:
    writer, reader = stream
    writer.write(b"abc")
    for blocking in (False, True):
        with raises_both(ValueError, name, "4", "3"):
            reader.read(bytearray(3), 4, blocking)
        with raises_both(ValueError, name, "-1"):
            reader.read(bytearray(3), -1, blocking)
        with raises_both(TypeError, name, "float"):
            reader.read(bytearray(3), 2.0, blocking)  # type: ignore[arg-type]
        with raises_both(TypeError, name, "bytes"):
            reader.read(b"abc", 3, blocking)
    with raises_both(ValueError, name, "5"):
        reader.read(bytearray(3), 3, timeout=5)
    buffer = bytearray(3)
    assert reader.read(buffer, 3, True) == 3
    assert buffer == b"abc"


@pytest.mark.parametrize(
    ("limit", "kind"), [(0, ValueError), (-1, ValueError), (1.0, TypeError), ("1", TypeError)]
)
def test_limits_of_recv_many(
    pair: Pair, name: bytes, limit: Any, kind: type[BaseException]
) -> None:
    _, reader = pair
    with raises_both(kind, name, "limit"):
        reader.recv_many(limit)


@pytest.mark.parametrize(
    ("size", "kind"),
    [(-1, ValueError), (65537, ValueError), (2**62, ValueError), (1.0, TypeError)],
)
def test_sizes_of_reservations(
    pair: Pair, name: bytes, size: Any, kind: type[BaseException]
) -> None:
    writer, reader = pair
    with raises_both(kind, name), writer.reserve(size):
        pass
    writer.send(b"still works")
    assert reader.recv() == b"still works"


def test_what_smipc_wait_takes(pair: Pair, name: bytes) -> None:
    _, reader = pair
    with raises_both(TypeError, b"", "str"):
        smipc.wait(["x"])  # type: ignore[list-item]
    reader.close()
    with raises_both(ValueError, name):
        smipc.wait([reader])
    assert smipc.wait([]) == []


@pytest.mark.parametrize(
    ("level", "kind"), [(-1, ValueError), (3, ValueError), ("all", TypeError), (None, TypeError)]
)
def test_log_levels(level: Any, kind: type[BaseException]) -> None:
    with raises_both(kind, b"", "log_level"):
        smipc.init_library(level)
