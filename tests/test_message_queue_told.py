"""Named message queues that tell of messages: descriptors, callbacks, signals."""

from __future__ import annotations

import select
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest
from children import Child

from smipc import Flags, NamedMessageQueue

ON_WINDOWS = sys.platform == "win32"
needs_posix = pytest.mark.skipif(ON_WINDOWS, reason="descriptors and signals")


@pytest.fixture
def queue(text: str) -> NamedMessageQueue:
    return NamedMessageQueue(text, handle_existence=Flags.RAISE_IF_EXISTS)


@needs_posix
def test_the_descriptor_follows(queue: NamedMessageQueue) -> None:
    fd = queue.fileno()
    assert queue.fileno() == fd
    other = NamedMessageQueue(queue.name)

    def readable(seconds: float = 0) -> bool:
        return select.select([queue], [], [], seconds)[0] == [queue]

    for _ in range(50):
        assert not readable()
        other.send(b"1")
        other.send(b"2")
        assert readable(60)
        assert queue.receive() == (b"1", 0)
        assert readable(60)
        assert queue.receive() == (b"2", 0)
    other.send(b"3")
    assert readable(60)
    assert other.receive() == (b"3", 0)
    assert queue.receive(0) is None
    assert not readable()


def test_a_callback_is_called_once(queue: NamedMessageQueue) -> None:
    told: list[object] = []
    called = threading.Semaphore(0)

    def note(param: object) -> None:
        told.append(param)
        called.release()

    queue.send(b"there already")
    queue.request_notification((note, "param"))
    queue.send(b"not into an empty one")
    queue.receive()
    queue.receive()
    assert told == []
    queue.send(b"1")
    assert called.acquire(timeout=60)
    queue.receive()
    queue.send(b"2")
    queue.request_notification((note, "again"))
    queue.receive()
    NamedMessageQueue(queue.name).send(b"3")
    assert called.acquire(timeout=60)
    assert told == ["param", "again"]


def test_a_cancelled_callback_is_not_called(queue: NamedMessageQueue) -> None:
    told: list[object] = []
    called = threading.Event()
    queue.request_notification((told.append, "first"))
    queue.request_notification()
    queue.request_notification((told.append, "second"))
    queue.request_notification((lambda _: called.set(), None))
    queue.send(b"x")
    assert called.wait(60)
    assert told == []


@needs_posix
def test_a_signal_is_sent(queue: NamedMessageQueue, start_child: Callable[..., Child]) -> None:
    child = start_child(
        """
        signal.signal(signal.SIGUSR1, lambda *_: say("told", *queue.receive(60)))
        queue = NamedMessageQueue(arguments[0])
        queue.request_notification(signal.SIGUSR1)
        say("ready")
        hear()
        """,
        queue.name,
    )
    child.expect("ready")
    queue.send(b"x", priority=3)
    child.expect("told b'x' 3")
    child.say("go")
    child.finish()


@pytest.mark.parametrize(
    "bad", [0, -1, 10_000, "SIGUSR1", 1.0, True, (print,), (5, 6), (print, 1, 2)]
)
def test_no_notification(queue: NamedMessageQueue, bad: Any) -> None:
    with pytest.raises(ValueError):
        queue.request_notification(bad)


def test_signal_numbers_are_those_of_the_system(queue: NamedMessageQueue) -> None:
    with pytest.raises(ValueError, match="no signal 10000"):
        queue.request_notification(10_000)
    queue.request_notification(signal.SIGTERM)
    queue.request_notification(None)
    queue.send(b"x")
    assert queue.receive() == (b"x", 0)
