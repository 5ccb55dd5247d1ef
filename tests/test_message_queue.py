"""Named message queues: order, priorities, timeouts, names, bad input, notification."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import random
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import smipc
from smipc import Flags, NamedMessageQueue

ON_WINDOWS = sys.platform == "win32"
needs_posix = pytest.mark.skipif(ON_WINDOWS, reason="names there go by themselves")


def create(name: str, messages: int = 10, size: int = 8192, **more: Any) -> NamedMessageQueue:
    return NamedMessageQueue(name, messages, size, handle_existence=Flags.RAISE_IF_EXISTS, **more)


@pytest.fixture
def queue(text: str) -> NamedMessageQueue:
    return create(text)


# ---- Sending and receiving


def test_what_is_sent_is_received(queue: NamedMessageQueue) -> None:
    assert queue.send(b"one") is True
    assert queue.send("zwölf", priority=7)
    assert queue.send(bytearray(b"three"))
    assert queue.send(memoryview(b"-four-")[1:5])
    assert queue.send(b"")
    assert queue.current_messages == 5
    assert queue.receive() == ("zwölf".encode(), 7)
    assert [queue.receive() for _ in range(4)] == [
        (b"one", 0), (b"three", 0), (b"four", 0), (b"", 0)
    ]  # fmt: skip
    assert queue.receive(0) is None
    assert queue.receive(0.01) is None


def test_arrays_are_bytes(queue: NamedMessageQueue) -> None:
    numpy = pytest.importorskip("numpy")
    queue.send(numpy.arange(5, dtype="<u4"))
    message = queue.receive()
    assert message is not None
    assert numpy.frombuffer(message[0], "<u4").tolist() == [0, 1, 2, 3, 4]


def test_a_full_queue_refuses_and_waits(text: str) -> None:
    queue = create(text, 2, 8)
    assert queue.send(b"1", 0) and queue.send(b"2")
    assert queue.send(b"3", 0) is False
    assert queue.send(b"3", timeout=0.01, priority=5) is False
    assert queue.current_messages == 2
    sent = threading.Event()
    thread = threading.Thread(target=lambda: (queue.send(b"3"), sent.set()))
    thread.start()
    assert queue.receive() == (b"1", 0)
    assert sent.wait(60)
    thread.join()
    assert [queue.receive(), queue.receive()] == [(b"2", 0), (b"3", 0)]


def test_block(queue: NamedMessageQueue) -> None:
    assert queue.block is True
    queue.block = False
    assert queue.receive() is None
    for _ in range(10):
        assert queue.send(b"x")
    assert queue.send(b"x") is False
    assert queue.receive(60) == (b"x", 0)
    queue.block = True
    assert queue.receive() == (b"x", 0)


def test_priorities_against_a_model(text: str) -> None:
    queue = create(text, 300, 16)
    model: list[tuple[int, int]] = []
    numbers = random.Random(4)
    for number in range(6000):
        if len(model) < 300 and numbers.random() < (0.6 if number % 2000 < 1000 else 0.4):
            priority = numbers.choice([0, 0, 0, 1, 2**32 - 1, numbers.randrange(2**32)])
            assert queue.send(b"%d" % number, 0, priority)
            model.append((-priority, number))
        elif model:
            model.sort()
            priority, value = model.pop(0)
            assert queue.receive(0) == (b"%d" % value, -priority)
        assert queue.current_messages == len(model)


@pytest.mark.parametrize("size", [1, 2048, 2049, 65536, 65537, 1_000_000])
def test_messages_of_any_size(text: str, size: int) -> None:
    queue = create(text, 2, 1_000_000)
    message = random.Random(size).randbytes(size)
    queue.send(message, priority=3)
    queue.send(b"after")
    assert queue.receive() == (message, 3)
    assert queue.receive(5) == (b"after", 0)


def test_its_sizes(text: str, queue: NamedMessageQueue) -> None:
    assert (queue.max_messages, queue.max_message_size) == (10, 8192)
    other = NamedMessageQueue(text, 5, 3)  # which are for a new one
    assert (other.max_messages, other.max_message_size) == (10, 8192)


def test_one_direction(queue: NamedMessageQueue) -> None:
    sender = NamedMessageQueue(queue.name, read=False)
    receiver = NamedMessageQueue(queue.name, write=False)
    assert (sender.read, sender.write, receiver.read, receiver.write) == (False, True, True, False)
    for timeout in (None, 0, 1):
        with pytest.raises(PermissionError, match="send only"):
            sender.receive(timeout)
        with pytest.raises(PermissionError, match="receive only"):
            receiver.send(b"x", timeout)
    sender.send(b"x")
    assert receiver.receive() == (b"x", 0)


# ---- Names and lives


def test_existence(text: str) -> None:
    with pytest.raises(FileNotFoundError, match=text):
        NamedMessageQueue(text)
    first = NamedMessageQueue(text, handle_existence=Flags.LINK_OR_CREATE)
    assert (first.linked_existing_object, first.unlink_on_delete) == (False, True)
    with pytest.raises(FileExistsError, match=text):
        NamedMessageQueue(text, handle_existence=Flags.RAISE_IF_EXISTS)
    linked = NamedMessageQueue(text[1:], handle_existence=Flags.LINK_OR_CREATE)
    assert (linked.linked_existing_object, linked.unlink_on_delete) == (True, False)
    assert linked.name == text
    first.send(b"old")
    successor = NamedMessageQueue(text, handle_existence=Flags.UNLINK_AND_CREATE)
    assert successor.current_messages == 0
    assert linked.receive() == (b"old", 0)
    with pytest.raises(FileNotFoundError):
        first.unlink()  # the name is the successor's
    first._let_go()
    assert NamedMessageQueue(text).linked_existing_object


@needs_posix
def test_it_stays_as_long_as_it_is_said_to(text: str) -> None:
    keeper = create(text, unlink_on_delete=False)
    keeper.send(b"kept")
    del keeper
    gc.collect()
    assert smipc.clean_stale() >= 0
    reader = NamedMessageQueue(text, unlink_on_delete=True)
    assert reader.receive() == (b"kept", 0)
    del reader
    gc.collect()
    with pytest.raises(FileNotFoundError):
        NamedMessageQueue(text)


def test_close_and_with(text: str, queue: NamedMessageQueue) -> None:
    queue.send(b"x")
    with NamedMessageQueue(text) as other:
        assert other.receive() == (b"x", 0)
    other.close()
    assert other.closed
    calls: list[Callable[[], object]] = [
        other.receive,
        lambda: other.receive(1),
        lambda: other.send(b"x"),
        lambda: other.send(b"x", 1, 1),
        lambda: other.current_messages,
        other.fileno,
        lambda: other.request_notification((print, None)),
        other.__enter__,
    ]
    for call in calls:
        with pytest.raises(smipc.ClosedError, match=text):
            call()
    assert other.max_messages == 10
    assert queue.current_messages == 0


def test_closing_ends_the_waits_of_other_threads(queue: NamedMessageQueue) -> None:
    seen: list[str] = []
    begun = threading.Barrier(4)

    def wait(timeout: float | None) -> None:
        begun.wait()
        try:
            queue.receive(timeout)
        except smipc.ClosedError as problem:
            seen.append(str(problem))

    threads = [threading.Thread(target=wait, args=(t,)) for t in (None, None, 3600)]
    for thread in threads:
        thread.start()
    begun.wait()
    queue.close()
    for thread in threads:
        thread.join()
    assert len(seen) == 3
    assert all(queue.name in each for each in seen)


def test_pickle_and_copy_link(queue: NamedMessageQueue) -> None:
    for other in (pickle.loads(pickle.dumps(queue)), copy.copy(queue)):
        assert other.linked_existing_object
        assert other.unlink_on_delete is False
        other.send(b"x")
        assert queue.receive() == (b"x", 0)
    sender = pickle.loads(pickle.dumps(NamedMessageQueue(queue.name, read=False)))
    assert (sender.read, sender.write) == (False, True)


@needs_posix
def test_a_new_one_is_for_its_user_only(queue: NamedMessageQueue) -> None:
    [path] = Path("/dev/shm").glob(f"smipc.mq.{queue.name[1:]}.*")
    assert path.stat().st_mode & 0o777 == 0o600


@needs_posix
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_is_refused_and_does_not_unlink(queue: NamedMessageQueue) -> None:
    calls = (
        queue.receive,
        lambda: queue.receive(0),
        lambda: queue.send(b"x"),
        lambda: queue.request_notification((print, "told")),
        queue.request_notification,
    )
    pid = os.fork()
    if pid == 0:
        refused = 0
        for call in calls:
            try:
                call()
            except smipc.ForkedError:
                refused += 1
        NamedMessageQueue(queue.name).send(b"child")
        queue._let_go()
        os._exit(refused)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == len(calls)
    assert queue.receive() == (b"child", 0)
    assert NamedMessageQueue(queue.name).linked_existing_object


# ---- Bad input


@pytest.mark.parametrize("bad", ["", "/", "a/b", "a b", "é", "x" * 201, 5, None, b"\xff"])
def test_no_name(bad: Any) -> None:
    with pytest.raises(ValueError, match="name"):
        NamedMessageQueue(bad, handle_existence=Flags.LINK_OR_CREATE)


@pytest.mark.parametrize(
    ("what", "bad"),
    [
        ("max_messages", 0), ("max_messages", -1), ("max_messages", 2**20 + 1),
        ("max_messages", 2.0), ("max_messages", "10"), ("max_messages", True),
        ("max_message_size", 0), ("max_message_size", 2**31 + 1), ("max_message_size", None),
        ("read", 1), ("write", None), ("handle_existence", 2), ("unlink_on_delete", 0),
    ],
)  # fmt: skip
def test_no_such_options(text: str, what: str, bad: Any) -> None:
    given = {"handle_existence": Flags.LINK_OR_CREATE, what: bad}
    with pytest.raises(ValueError, match=f"{what}.*{bad}"):
        NamedMessageQueue(text, **given)
    with pytest.raises(FileNotFoundError):
        NamedMessageQueue(text)


def test_neither_direction(text: str) -> None:
    with pytest.raises(ValueError, match="both False"):
        create(text, read=False, write=False)
    with pytest.raises(FileNotFoundError):
        NamedMessageQueue(text)


def test_more_memory_than_there_is(text: str) -> None:
    with pytest.raises(smipc.NoSpaceError, match="bytes"):
        create(text, 2**20, 2**31)
    with pytest.raises(FileNotFoundError):
        NamedMessageQueue(text)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ((b"x" * 8193,), "8193"),
        (("ä" * 4097,), "8194"),
        (("\ud800",), "Unicode"),
        ((5,), "int"),
        ((None,), "None"),
        (([b"x"],), "list"),
        ((memoryview(b"abcdef")[::2],), "contiguous"),
        ((b"x", -1), "-1"),
        ((b"x", "1"), "timeout"),
        ((b"x", None, -1), "-1"),
        ((b"x", None, 2**32), "4294967296"),
        ((b"x", None, 1.0), "priority"),
        ((b"x", None, True), "priority"),
        ((b"x", None, None), "priority"),
        ((b"x", None, False), "priority"),
    ],
)
def test_what_cannot_be_sent(queue: NamedMessageQueue, arguments: Any, match: str) -> None:
    with pytest.raises(ValueError, match=match) as caught:
        queue.send(*arguments)
    assert queue.name in str(caught.value)
    assert queue.current_messages == 0


@pytest.mark.parametrize("bad", [-1, float("nan"), "1", True])
def test_no_timeout(queue: NamedMessageQueue, bad: Any) -> None:
    queue.send(b"x")
    with pytest.raises(ValueError, match="timeout must"):
        queue.receive(bad)
    with pytest.raises(ValueError, match="block must be True or False"):
        queue.block = 1  # type: ignore[assignment]
    assert queue.current_messages == 1


@needs_posix
def test_files_that_are_no_queue(text: str) -> None:
    queue = create(text)
    [path] = Path("/dev/shm").glob(f"smipc.mq.{text[1:]}.*")
    whole = path.read_bytes()
    queue._let_go()
    for content, kind in (
        (b"no segment" * 100, smipc.NotSmipcError),
        (whole[:700], smipc.CorruptError),
    ):
        path.write_bytes(content)
        for flag in (Flags.RAISE_IF_NOT_EXISTS, Flags.LINK_OR_CREATE):
            with pytest.raises(kind, match=text):
                NamedMessageQueue(text, handle_existence=flag)
    fresh = NamedMessageQueue(text, handle_existence=Flags.UNLINK_AND_CREATE)
    assert fresh.current_messages == 0
