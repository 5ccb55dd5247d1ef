"""Channels between processes: by name alone, and handed to children of multiprocessing; fork."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
import targets
from children import Child
from pairs import Pair, open_pair

import smipc
from smipc import CHAN_R, CHAN_W, Channel

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def test_two_processes_that_know_the_name(name: bytes, start_child: Any) -> None:
    child: Child = start_child(
        """
        with open_channel(arguments[0], CHAN_R, 1000, framing="message") as reader:
            for message in reader:
                say(len(message), message[:1])
        """,
        name,
    )
    with smipc.open_channel(name, CHAN_W, 1000, framing="message") as writer:
        for size in (0, 1, 1000, 100_000):
            writer.send(b"\x61" * size)
        writer.flush()
    assert child.finish().splitlines() == [
        "0 b''",
        "1 b'a'",
        "1000 b'a'",
        "100000 b'a'",
    ]


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_a_child_of_multiprocessing(make_name: Callable[[], bytes], method: str) -> None:
    context: Any = multiprocessing.get_context(method)
    there, back = make_name(), make_name()
    with (
        smipc.open_channel(there, CHAN_W, framing="message") as requests,
        smipc.open_channel(back, CHAN_R, framing="message") as replies,
    ):
        child = context.Process(
            target=targets.echo,
            args=(
                smipc.open_channel(there, CHAN_R, framing="message"),
                smipc.open_channel(back, CHAN_W, framing="message"),
            ),
        )
        child.start()
        for i in range(300):
            requests.send(b"message %d" % i)
            assert replies.recv() == b"MESSAGE %d" % i
        requests.close()
        assert list(replies) == []
        child.join()
        assert child.exitcode == 0


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_a_child_that_leaves_its_end_open_closes_it_at_exit(name: bytes, method: str) -> None:
    context: Any = multiprocessing.get_context(method)
    with smipc.open_channel(name, CHAN_R, framing="message") as reader:
        writer = smipc.open_channel(name, CHAN_W, framing="message")
        child = context.Process(target=targets.leave_open, args=(writer,))
        child.start()
        assert list(reader) == [b"last"]
        child.join()
        assert child.exitcode == 0


def in_forked_child(code: Callable[[], None]) -> str:
    """Runs `code` in a forked child; returns what went wrong there."""
    receiving, sending = os.pipe()
    pid = os.fork()
    if pid == 0:
        problem = ""
        try:
            code()
        except BaseException as raised:
            problem = f"{type(raised).__name__}: {raised}"
        os.write(sending, problem.encode())
        os._exit(0)
    os.close(sending)
    with os.fdopen(receiving) as pipe:
        problem = pipe.read()
    _, status = os.waitpid(pid, 0)
    return problem or (f"wait status {status}" if status else "")


@needs_fork
def test_an_open_channel_does_not_survive_fork(pair: Pair, name: bytes) -> None:
    writer, reader = pair
    writer.send_many([b"0", b"1", b"2"])
    assert reader.recv() == b"0"  # the others are fetched

    def child() -> None:
        for call in (
            lambda: reader.recv(),
            lambda: reader.recv(0),
            lambda: next(reader),
            lambda: reader.recv_many(),
            lambda: reader.recv_into(bytearray(10)),
            lambda: reader.peek().__enter__(),
            lambda: reader.fileno(),
            lambda: smipc.wait([reader]),
            lambda: writer.send(b"from the child"),
            lambda: writer.send_many([b"from the child"]),
            lambda: writer.flush(),
        ):
            with pytest.raises(smipc.ForkedError, match=name.decode()) as caught:
                call()
            assert isinstance(caught.value, RuntimeError)
        assert not reader.is_open
        reader.status()
        for channel in (reader, writer):
            channel.close()
            with pytest.raises(smipc.EndTakenError):
                channel.open()

    assert in_forked_child(child) == ""
    assert reader.recv_many() == [b"1", b"2"]
    writer.send(b"x")
    assert reader.recv(0) == b"x"


@needs_fork
def test_a_forked_child_may_open_what_its_parent_has_closed(name: bytes) -> None:
    writer, reader = open_pair(name)
    closed, close = os.pipe()
    opened, is_open = os.pipe()
    with writer:
        pid = os.fork()
        if pid == 0:
            try:
                os.read(closed, 1)
                with reader:
                    os.write(is_open, b"x")
                    assert reader.recv(60) == b"to the child"
                os._exit(0)
            finally:
                os._exit(1)
        reader.close()
        os.write(close, b"x")
        os.read(opened, 1)
        writer.send(b"to the child")
        assert os.waitpid(pid, 0)[1] == 0
    for descriptor in (closed, close, opened, is_open):
        os.close(descriptor)


@needs_fork
def test_a_fork_while_another_thread_is_opening_leaves_the_child_free(name: bytes) -> None:
    channel = smipc.open_channel(name, CHAN_R, 4096, framing="message")
    channel._turn.acquire()  # as open() does

    def child() -> None:
        signal.alarm(60)
        channel.open().close()

    assert in_forked_child(child) == ""


@needs_fork
def test_views_are_released_in_a_forked_child(pair: Pair) -> None:
    writer, reader = pair
    writer.send(b"message")
    with writer.reserve(10) as room, reader.peek() as view:

        def child() -> None:
            for lent in (room, view):
                with pytest.raises(ValueError, match="released"):
                    lent[0]

        assert in_forked_child(child) == ""
        assert view == b"message"
        room[:] = b"0123456789"
    assert reader.recv() == b"0123456789"


@needs_fork
def test_a_fork_during_a_loan_of_a_fetched_message(pair: Pair) -> None:
    writer, reader = pair
    writer.send_many([b"0", b"1", b"2"])
    assert reader.recv() == b"0"

    def child() -> None:
        borrow.__exit__()  # belongs to the parent
        with pytest.raises(smipc.ForkedError):
            reader.recv()

    borrow = reader.peek()
    with borrow as view:
        assert in_forked_child(child) == ""
        assert view == b"1"
    assert reader.recv() == b"2"


@needs_fork
def test_a_listener_stays_with_the_parent(pair: Pair) -> None:
    writer, reader = pair
    received: list[bytes] = []

    def child() -> None:
        with pytest.raises(smipc.ForkedError):
            reader.recv()
        assert type(reader) is Channel

    with reader.read_async(received.append) as listener:
        assert in_forked_child(child) == ""
        writer.send(b"to the parent")
        writer.close()
        listener.wait()
    assert received == [b"to the parent"]


@needs_fork
def test_a_forked_childs_exit_does_not_touch_the_parents_ends(pair: Pair) -> None:
    writer, reader = pair
    pid = os.fork()
    if pid == 0:
        import atexit

        atexit._run_exitfuncs()
        del writer, reader
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    writer.send(b"x")
    assert reader.recv(0) == b"x"
    assert writer.status().reader_state == "open"
