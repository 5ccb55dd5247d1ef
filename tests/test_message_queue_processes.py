"""Named message queues between processes: order, races, Ctrl-C, kills."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import targets
from children import Child
from storms import PERIOD, collect_in_a_storm

import smipc
from smipc import Flags, NamedMessageQueue

ON_WINDOWS = sys.platform == "win32"
STARTS = ["spawn"] if ON_WINDOWS else ["fork", "spawn", "forkserver"]
needs_posix = pytest.mark.skipif(ON_WINDOWS, reason="sends signals")


def create(name: str, messages: int = 10, size: int = 8192) -> NamedMessageQueue:
    return NamedMessageQueue(name, messages, size, handle_existence=Flags.RAISE_IF_EXISTS)


def test_many_senders_and_receivers(text: str, start_child: Callable[..., Child]) -> None:
    queue = create(text, 8, 100)
    senders = [
        start_child(
            """
            queue = NamedMessageQueue(arguments[0], read=False)
            for number in range(2000):
                assert queue.send(arguments[1] + b" %d" % number, priority=number % 2)
            """,
            text,
            sender,
        )
        for sender in range(3)
    ]
    receivers = [
        start_child(
            """
            queue = NamedMessageQueue(arguments[0], write=False)
            last = {}
            count = 0
            while (message := queue.receive())[0] != b"end":
                sender, number = message[0].split()
                key = sender, message[1]
                assert int(number) % 2 == message[1]
                assert int(number) > last.get(key, -1)
                last[key] = int(number)
                count += 1
            say(count)
            """,
            text,
        )
        for _ in range(3)
    ]
    for child in senders:
        child.finish()
    for _ in receivers:
        queue.send(b"end")
    assert sum(int(child.hear()) for child in receivers) == 6000


def test_threads_share_a_handle(text: str) -> None:
    queue = create(text, 5, 100_000)
    received: list[int] = []
    lock = threading.Lock()

    def receive() -> None:
        while True:
            message = queue.receive()
            assert message is not None
            if not message[0]:
                return
            with lock:
                received.append(int(message[0][:10]))

    def send(first: int) -> None:
        for number in range(first, first + 500):
            queue.send((b"%010d" % number) * (7000 if number % 50 == 0 else 1))

    receivers = [threading.Thread(target=receive) for _ in range(3)]
    senders = [threading.Thread(target=send, args=(i * 500,)) for i in range(3)]
    for thread in receivers + senders:
        thread.start()
    for thread in senders:
        thread.join()
    for _ in receivers:
        queue.send(b"")
    for thread in receivers:
        thread.join()
    assert sorted(received) == list(range(1500))


def test_fifty_who_link_or_create_get_one(text: str) -> None:
    code = """
        name = arguments[0].decode()
        say("ready")
        hear()
        queue = NamedMessageQueue(name, 50, 8, True, True, Flags.LINK_OR_CREATE, False)
        queue.send(b"x")
        say(queue.linked_existing_object)
        hear()
    """
    children = [Child(code, text) for _ in range(50)]
    try:
        for child in children:
            child.expect("ready")
        for child in children:
            child.say("go")
        assert sorted(child.hear() for child in children) == ["False"] + ["True"] * 49
        queue = NamedMessageQueue(text, unlink_on_delete=True)
        assert queue.current_messages == 50
        assert queue.send(b"x", 0) is False
    finally:
        for child in children:
            child.end()


@needs_posix
@pytest.mark.parametrize(
    "call", ["receive()", "receive(3600)", "send(b'x')", "send(b'x', 3600, 1)"]
)
def test_ctrl_c_breaks_a_wait(text: str, call: str, start_child: Callable[..., Child]) -> None:
    queue = create(text, 1, 8)
    if call.startswith("send"):
        queue.send(b"first")
    child = start_child(
        f"""
        queue = NamedMessageQueue(arguments[0])
        say_when_waiting("waiting")
        try:
            queue.{call}
        except KeyboardInterrupt:
            say("interrupted")
        hear()
        say(*queue.receive(60))
        """,
        text,
    )
    child.expect("waiting")
    child.interrupt()
    child.expect("interrupted")
    if call.startswith("receive"):
        queue.send(b"first")
    child.say("go")
    child.expect("b'first' 0")
    assert queue.current_messages == 0


@needs_posix
def test_a_signal_that_is_handled_does_not_end_a_wait(
    text: str, start_child: Callable[..., Child]
) -> None:
    queue = create(text)
    child = start_child(
        """
        signal.signal(signal.SIGUSR1, lambda *_: say("handled"))
        queue = NamedMessageQueue(arguments[0])
        say_when_waiting("waiting")
        say(*queue.receive())
        """,
        text,
    )
    child.expect("waiting")
    for _ in range(5):
        os.kill(child.pid, signal.SIGUSR1)
        child.expect("handled")
    queue.send(b"x")
    child.expect("b'x' 0")


@needs_posix
def test_signals_do_not_lengthen_a_timeout(text: str, start_child: Callable[..., Child]) -> None:
    queue = create(text)
    child = start_child(
        """
        signal.signal(signal.SIGALRM, lambda *_: None)
        signal.setitimer(signal.ITIMER_REAL, 0.003, 0.003)
        say(NamedMessageQueue(arguments[0]).receive(0.1))
        """,
        text,
    )
    child.expect("None")
    assert queue.current_messages == 0


@needs_posix
@pytest.mark.parametrize("size", [10, 3000, 70_000])
@pytest.mark.parametrize("timeout", [None, 60])
def test_a_storm_of_signals_that_raise_loses_nothing(
    text: str, size: int, timeout: float | None
) -> None:
    queue = create(text, 8, 70_000)
    count = 3000

    def send() -> None:
        for number in range(count):
            queue.send(b"%010d" % number + bytes(size - 10))

    thread = threading.Thread(target=send)
    queue.receive(0)
    thread.start()
    received, interrupts = collect_in_a_storm(
        lambda: map(NamedMessageQueue.receive, (queue,), (timeout,)), count
    )
    thread.join()
    assert [int(message[0][:10]) for message in received] == list(range(count))
    assert interrupts > 0


@needs_posix
def test_a_storm_of_signals_loses_no_message_that_is_smaller_than_was_announced(text: str) -> None:
    queue = create(text, 8, 150_000)
    count = 2000

    def send() -> None:
        for number in range(count):
            queue.send(b"%010d" % number + bytes(70_000))

    thread = threading.Thread(target=send)
    thread.start()
    # What another receiver does between the announcement and the call: take a larger one.
    received, interrupts = collect_in_a_storm(
        lambda: filter(None, map(queue._receive_large, (queue._handle,), (150_000,))), count
    )
    thread.join()
    assert [int(message[0][:10]) for message in received] == list(range(count))
    assert {len(message[0]) for message in received} == {70_010}
    assert interrupts > 0


@needs_posix
def test_a_signal_handler_may_receive_while_a_large_message_is_received(text: str) -> None:
    large = create(text, 4, 100_000)
    small = create(text + "-small", 4, 100)
    handled = 0

    def handler(*_: object) -> None:
        nonlocal handled
        if small.receive(0) is not None:
            handled += 1
            small.send(b"\xff" * 100, timeout=0)  # no size that anything could have

    small.send(b"\xff" * 100)
    previous = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, PERIOD, PERIOD)
        for number in range(3000):
            large.send(bytes(100_000), priority=number)
            assert large.receive(60) == (bytes(100_000), number)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert handled > 0


@needs_posix
def test_a_killed_sender_or_receiver_leaves_a_queue_that_works(
    text: str, start_child: Callable[..., Child]
) -> None:
    queue = create(text, 4, 20_000)
    numbers = random.Random(5)
    seen: dict[int, int] = {}
    sent = 0
    for round_number in range(12):
        sender = start_child(
            """
            queue = NamedMessageQueue(arguments[0])
            number = int(arguments[1])
            while True:
                queue.send((b"%08d" % number) * (1 if number % 2 else 2000))
                number += 1
            """,
            text,
            round_number * 1_000_000,
        )
        receiver = start_child(
            """
            queue = NamedMessageQueue(arguments[0])
            while True:
                message = queue.receive()[0]
                assert message == message[:8] * (len(message) // 8)
                say(int(message[:8]))
            """,
            text,
        )
        for _ in range(numbers.randrange(20, 200)):
            number = int(receiver.hear())
            seen[number] = seen.get(number, 0) + 1
        for child in numbers.sample([sender, receiver], 2):
            child.process.send_signal(signal.SIGKILL)
            child.process.wait()
        assert receiver.process.stdout is not None
        *whole, _ = receiver.process.stdout.read().split("\n")  # the last may be cut off
        for line in whole:
            seen[int(line)] = seen.get(int(line), 0) + 1
        while (message := queue.receive(0.2)) is not None:
            assert message[0] == message[0][:8] * (len(message[0]) // 8)
            number = int(message[0][:8])
            seen[number] = seen.get(number, 0) + 1
        of_round = sorted(number for number in seen if number // 1_000_000 == round_number)
        # All of them, but for one that the receiver was killed with before it could tell.
        missing = of_round[-1] - of_round[0] + 1 - len(of_round)
        assert of_round[0] % 1_000_000 == 0
        assert missing <= 1
        sent += len(of_round)
    assert all(times <= 2 for times in seen.values())
    assert sum(times == 2 for times in seen.values()) <= 12
    assert sent == len(seen)
    assert all(queue.send(b"x", 0) for _ in range(4))


@needs_posix
def test_what_a_killed_creator_was_to_unlink_is_cleaned_up(
    text: str, start_child: Callable[..., Child]
) -> None:
    child = start_child(
        """
        queue = NamedMessageQueue(arguments[0], handle_existence=Flags.RAISE_IF_EXISTS)
        say("ready")
        hear()
        """,
        text,
    )
    child.expect("ready")
    smipc.clean_stale()
    assert NamedMessageQueue(text).linked_existing_object  # it was in use
    child.end()
    assert smipc.clean_stale() >= 1
    assert list(Path("/dev/shm").glob(f"*{text[1:]}*")) == []


@needs_posix
def test_the_end_of_the_process_unlinks(text: str, start_child: Callable[..., Child]) -> None:
    child = start_child(
        "kept = NamedMessageQueue(arguments[0], handle_existence=Flags.LINK_OR_CREATE)", text
    )
    child.finish()
    with pytest.raises(FileNotFoundError):
        NamedMessageQueue(text)


@pytest.mark.parametrize("start", STARTS)
def test_multiprocessing_hands_it_on(text: str, start: str) -> None:
    context = multiprocessing.get_context(start)
    queue = create(text)
    process = context.Process(target=targets.answer, args=(queue,))
    # A forked child pickles nothing, and opens its own.
    process.start()
    queue.send(b"question", priority=1)
    process.join()
    assert queue.receive(60) == (b"answer to question", 2)
