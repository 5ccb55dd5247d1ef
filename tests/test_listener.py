"""read_async: callbacks on a thread, stop, and what it excludes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from children import Child
from pairs import Pair, open_pair

import smipc
from smipc import CHAN_R


class Collector:
    """A callback that collects, and lets a test wait until so much has come."""

    def __init__(self) -> None:
        self.data: list[bytes] = []
        self.changed = threading.Condition()

    def __call__(self, data: bytes) -> None:
        with self.changed:
            self.data.append(data)
            self.changed.notify_all()

    def wait_for(self, condition: Callable[[], bool]) -> None:
        with self.changed:
            self.changed.wait_for(condition)


@pytest.fixture
def unraised() -> Any:
    """What would have gone to threading.excepthook."""
    caught: list[BaseException] = []
    previous = threading.excepthook
    threading.excepthook = lambda details: caught.append(details.exc_value)  # type: ignore[arg-type]
    yield caught
    threading.excepthook = previous


def test_messages_go_to_the_callback_in_order(pair: Pair) -> None:
    writer, reader = pair
    collector = Collector()
    messages = [b"%d" % i for i in range(1000)] + [b"", bytes(100_000)]
    listener = reader.read_async(collector)
    assert isinstance(listener, smipc.Listener)
    for message in messages:
        writer.send(message)
    collector.wait_for(lambda: len(collector.data) == len(messages))
    assert listener.running
    listener.stop()
    assert not listener.running
    assert listener.error is None
    assert collector.data == messages


def test_the_bytes_of_a_stream_go_to_the_callback(name: bytes) -> None:
    writer, reader = open_pair(name, 20, framing="stream")
    with writer, reader:
        collector = Collector()
        with reader.read_async(collector):
            writer.write(bytes(range(64)))
            collector.wait_for(lambda: sum(map(len, collector.data)) == 64)
        assert b"".join(collector.data) == bytes(range(64))


def test_what_was_not_handed_on_stays(pair: Pair) -> None:
    writer, reader = pair
    messages = [b"%d" % i for i in range(1000)]
    writer.send_many(messages)
    received: list[bytes] = []

    def callback(message: bytes) -> None:
        received.append(message)
        if len(received) == 10:
            listener.stop()  # from the callback itself: it is the last call

    started = threading.Event()

    def gate(message: bytes) -> None:
        started.wait()
        callback(message)

    listener = reader.read_async(gate)
    started.set()
    assert listener.wait()
    listener.stop()
    assert received == messages[:10]
    for _ in messages[10:]:
        received.append(reader.recv(0))
    assert received == messages


def test_fetched_messages_come_first(pair: Pair) -> None:
    writer, reader = pair
    messages = [b"%d" % i for i in range(10)]
    writer.send_many(messages)
    assert reader.recv() == messages[0]
    collector = Collector()
    with reader.read_async(collector):
        collector.wait_for(lambda: len(collector.data) == 9)
    assert collector.data == messages[1:]


def test_other_ways_of_reading_are_refused_meanwhile(pair: Pair, name: bytes) -> None:
    _, reader = pair
    calls: list[Callable[[], object]] = [
        lambda: reader.recv(),
        lambda: reader.recv_many(),
        lambda: reader.recv_into(bytearray(1)),
        lambda: next(reader),
        lambda: reader.peek(),
        lambda: reader.peek_array(),
        lambda: reader.recv_array(),
        lambda: reader.recv_object(),
        lambda: reader.read(bytearray(1), 1),
        lambda: reader.fileno(),
        lambda: reader.read_async(print),
        lambda: smipc.wait([reader]),
    ]
    with reader.read_async(print):
        assert reader.status().listener
        assert "listener=1" in str(reader.status())
        for call in calls:
            with pytest.raises(smipc.BusyError, match=f"{name.decode()}.*a listener is reading it"):
                call()
    assert not reader.status().listener
    with pytest.raises(smipc.TimedOutError):
        reader.recv(0)


def test_a_listener_needs_an_open_reader_that_nobody_reads(pair: Pair, name: bytes) -> None:
    writer, reader = pair
    with pytest.raises(smipc.WrongEndError, match=name.decode()):
        writer.read_async(print)
    for bad in (None, 5):
        with pytest.raises(smipc.InvalidTypeError, match=name.decode()):
            reader.read_async(bad)  # type: ignore[arg-type]
    with pytest.raises(smipc.InvalidTypeError):
        reader.read_async(print, on_error=5)  # type: ignore[arg-type]
    begun = threading.Event()

    def receive() -> None:
        begun.set()
        assert reader.recv() == b"x"

    thread = threading.Thread(target=receive)
    thread.start()
    begun.wait()
    refused = False
    while not refused:  # until the thread is inside
        try:
            with reader.read_async(print):
                pass
        except smipc.BusyError:
            refused = True
    writer.send(b"x")
    thread.join()


def test_it_ends_when_the_writer_closes(pair: Pair, unraised: list[BaseException]) -> None:
    writer, reader = pair
    errors: list[Exception] = []
    collector = Collector()
    for on_error in (None, errors.append):
        listener = reader.read_async(collector, on_error)
        writer.send(b"last")
        writer.close()
        assert listener.wait(60)
        assert isinstance(listener.error, smipc.OppositeEndClosedError)
        listener.stop()
        writer.open()
    assert collector.data == [b"last", b"last"]
    assert [type(problem) for problem in errors] == [smipc.OppositeEndClosedError]
    assert unraised == []


def test_it_outlives_a_writer_that_is_killed(name: bytes, start_child: Any) -> None:
    code = """
        writer = open_channel(arguments[0], CHAN_W, framing="message").open()
        writer.send(arguments[1])
        writer.flush()
        say("sent")
        hear()
        """
    errors: list[Exception] = []
    told = threading.Event()
    collector = Collector()

    def on_error(problem: Exception) -> None:
        errors.append(problem)
        told.set()

    with (
        smipc.open_channel(name, CHAN_R, framing="message") as reader,
        reader.read_async(collector, on_error),
    ):
        for word in (b"first", b"second"):
            child: Child = start_child(code, name, word)
            child.expect("sent")
            collector.wait_for(lambda word=word: collector.data[-1:] == [word])  # type: ignore[misc]
            child.process.kill()
            told.wait()
            told.clear()
    assert [type(problem) for problem in errors] == [smipc.OppositeEndDiedError] * 2


class Broken(Exception):
    pass


@pytest.mark.parametrize("kind", [Broken, smipc.OppositeEndClosedError, smipc.OppositeEndDiedError])
def test_an_exception_of_the_callback_ends_it(
    pair: Pair, unraised: list[BaseException], kind: type[Exception]
) -> None:
    writer, reader = pair
    errors: list[Exception] = []

    def callback(_: bytes) -> None:
        raise kind

    listener = reader.read_async(callback, errors.append)
    writer.send_many([b"1", b"2"])
    assert listener.wait()
    listener.stop()
    assert isinstance(listener.error, kind)
    assert unraised == [listener.error]
    assert errors == []
    assert reader.recv() == b"2"


def test_closing_the_channel_stops_it(pair: Pair, unraised: list[BaseException]) -> None:
    _, reader = pair
    listener = reader.read_async(print)
    reader.close()
    assert not listener.running
    listener.stop()
    with reader:
        assert type(reader) is smipc.Channel
        with reader.read_async(Collector()):
            pass
    assert unraised == []


def test_the_callback_may_close_the_channel(pair: Pair, unraised: list[BaseException]) -> None:
    writer, reader = pair
    listener = reader.read_async(lambda _: reader.close())
    writer.send(b"x")
    assert listener.wait()
    listener.stop()
    assert not reader.is_open
    assert listener.error is None
    assert unraised == []


def test_one_after_the_other(pair: Pair) -> None:
    writer, reader = pair
    for i in range(5):
        collector = Collector()
        first = reader.read_async(collector)
        writer.send(b"%d" % i)
        collector.wait_for(lambda: collector.data != [])  # noqa: B023
        first.stop()
        assert reader.read_async(Collector()).stop() is None
        first.stop()  # an old one: of no effect
        writer.send(b"x")
        assert reader.recv() == b"x"


def test_wait_times_out(pair: Pair) -> None:
    _, reader = pair
    with reader.read_async(print) as listener:
        assert listener.wait(0) is False
        assert listener.wait(0.01) is False
        assert listener.wait(Fraction(1, 100)) is False
        assert listener.wait(Decimal("0.01")) is False
        with pytest.raises(smipc.InvalidArgumentError):
            listener.wait(-1)


def test_a_listener_that_is_left_on_does_not_hold_up_the_exit(
    name: bytes, start_child: Any
) -> None:
    with smipc.open_channel(name, smipc.CHAN_W, framing="message") as writer:
        child: Child = start_child(
            """
            reader = open_channel(arguments[0], CHAN_R, framing="message").open()
            reader.read_async(lambda message: say(message.decode()))
            say("on")
            hear()
            """,
            name,
        )
        child.expect("on")
        writer.send(b"message")
        child.expect("message")
        child.say("leave")
        child.finish()
        with pytest.raises(smipc.OppositeEndClosedError) as caught:
            while True:
                writer.send(b"x")
        assert not isinstance(caught.value, smipc.OppositeEndDiedError)


def test_errors_that_are_kept_do_no_harm_to_the_collector(name: bytes) -> None:
    import gc

    for framing in ("stream", "message"):
        writer, reader = open_pair(name, framing=framing)
        listener = reader.read_async(print)
        writer.close()
        assert listener.wait()
        reader.close()
        del writer, reader, listener
        gc.collect()
