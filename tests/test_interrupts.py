"""Ctrl-C and other signals: every call that waits ends at once, or goes on, and nothing is lost."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import itertools
import operator
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from typing import Any

import pytest
from children import Child
from pairs import Pair, open_pair
from programs import program
from storms import Interrupted, collect_in_a_storm

import smipc
from smipc import CHAN_R, CHAN_W, Channel, Flags, NamedMessageQueue, _bound
from smipc._end import lend

needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="signals other than Ctrl-C")

# A call that waits, and how the test ends its wait once the child has been interrupted.
READING = {
    "recv": "channel.recv()",
    "recv with a timeout": "channel.recv(3600)",
    "recv_many": "channel.recv_many()",
    "recv_into": "channel.recv_into(bytearray(100))",
    "iteration": "next(channel)",
    "peek": "channel.peek().__enter__()",
    "recv_array": "channel.recv_array()",
    "recv_object": "channel.recv_object()",
    "wait": "smipc.wait([channel])",
    "wait for many": "smipc.wait([channel, other], 3600)",
}
WRITING = {
    "send": "channel.send(b'x')",
    "send with a timeout": "channel.send(b'x', 3600)",
    "send a bytearray": "channel.send(bytearray(b'x'))",
    "send a large one": "channel.send(bytes(100_000))",
    "send_many": "channel.send_many([b'x'] * 10)",
    "send_array": "channel.send_array([1, 2])",
    "send_object": "channel.send_object({})",
    "reserve": "channel.reserve(1).__enter__()",
    "flush": "channel.flush()",
}
STREAM_READING = {"read": "channel.read(bytearray(100), 100, blocking=True)"}
STREAM_WRITING = {"write": "channel.write(b'x')", "write more": "channel.write(bytes(100_000))"}

INTERRUPTED = """
mode, framing, wait = int(arguments[1]), arguments[2].decode(), arguments[3].decode()
options = {"framing": framing, "wait": wait}
other = open_channel(arguments[0] + b"-other", CHAN_R, **options).open()
with open_channel(arguments[0], mode, 1000, **options) as channel:
    if mode == CHAN_W:
        (channel.send if framing == "message" else channel.write)(bytes(1000))
    say_when_waiting("ready")
    try:
        CALL
    except KeyboardInterrupt:
        say("interrupted")
    hear()
    if mode == CHAN_W:
        (channel.send if framing == "message" else channel.write)(b"after")
    elif framing == "message":
        say(channel.recv().decode())
    else:
        buffer = bytearray(6)
        channel.read(buffer, 6, blocking=True)
        say(buffer.decode())
other.close()
"""

CASES = [
    *((CHAN_R, "message", "hybrid", call) for call in READING.values()),
    *((CHAN_W, "message", "hybrid", call) for call in WRITING.values()),
    *((CHAN_R, "stream", "hybrid", call) for call in STREAM_READING.values()),
    *((CHAN_W, "stream", "hybrid", call) for call in STREAM_WRITING.values()),
    (CHAN_R, "message", "spin", "channel.recv()"),
    (CHAN_R, "message", "block", "channel.recv()"),
    (CHAN_W, "message", "spin", "channel.send(b'x')"),
    (CHAN_W, "message", "block", "channel.send(b'x')"),
]


@pytest.mark.parametrize(("mode", "framing", "wait", "call"), CASES)
def test_ctrl_c_ends_every_wait_and_leaves_the_channel_usable(
    name: bytes, start_child: Any, mode: int, framing: Any, wait: str, call: str
) -> None:
    opposite = CHAN_R if mode == CHAN_W else CHAN_W
    with smipc.open_channel(name, opposite, 1000, framing=framing) as here:
        child: Child = start_child(INTERRUPTED.replace("CALL", call), name, mode, framing, wait)
        child.expect("ready")
        child.interrupt()
        child.expect("interrupted")
        child.say("go on")
        if mode == CHAN_R:
            (here.send if framing == "message" else here.write)(b"after!")
            child.expect("after!")
        elif framing == "message":
            assert here.recv() == bytes(1000)
            while (message := here.recv()) != b"after":
                assert message != bytes(100_000)  # it was not sent as a whole
        else:
            received = b""
            buffer = bytearray(100)
            while not received.endswith(b"after"):
                received += buffer[: here.read(buffer, 1, blocking=True)]
        child.finish()


CALLS_IN_C = ["recv", "peek", "wait", "send", "reserve", "flush", "read", "write", "acquire"]

C_LIBRARY = "ucrtbase" if sys.platform == "win32" else None


def test_ctrl_c_ends_every_wait_in_c(name: bytes) -> None:
    options: dict[str, Any] = {}
    if sys.platform == "win32":
        options["creationflags"] = subprocess.CREATE_NO_WINDOW  # with a console of its own
    process = subprocess.Popen(
        [program("tests", "interrupt_tool"), name.decode()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )
    assert process.stdin is not None and process.stdout is not None
    said: queue.Queue[str] = queue.Queue()
    output = process.stdout
    listener = threading.Thread(target=lambda: [said.put(line.strip()) for line in output])
    listener.start()
    for call in CALLS_IN_C:
        assert said.get() == call
        heard = ""
        while not heard:  # what is pressed before it waits is its handler's alone
            process.stdin.write("\n")
            process.stdin.flush()
            with contextlib.suppress(queue.Empty):
                heard = said.get(timeout=0.05)
        assert heard == "interrupted"
    assert said.get() == "done"
    assert process.wait() == 0
    listener.join()
    process.communicate()


@needs_signals
def test_signals_whose_handlers_return_do_not_end_a_wait(name: bytes, start_child: Any) -> None:
    with smipc.open_channel(name, CHAN_W, framing="message") as writer:
        child: Child = start_child(
            """
            signal.signal(signal.SIGUSR1, lambda *_: say("signal"))
            with open_channel(arguments[0], CHAN_R, framing="message") as reader:
                for timeout in (None, 3600):
                    say_when_waiting("ready")
                    say(reader.recv(timeout).decode())
            """,
            name,
        )
        for _ in range(2):
            child.expect("ready")
            for _ in range(20):
                os.kill(child.pid, signal.SIGUSR1)
                child.expect("signal")
            writer.send(b"message")
            child.expect("message")
        child.finish()


@needs_signals
def test_signals_do_not_make_a_timeout_longer(name: bytes, start_child: Any) -> None:
    child: Child = start_child(
        """
        signal.signal(signal.SIGALRM, lambda *_: None)
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        with open_channel(arguments[0], CHAN_R, framing="message") as reader:
            try:
                reader.recv(0.2)
            except TimedOutError:
                signal.setitimer(signal.ITIMER_REAL, 0)
                say("timed out")
        """,
        name,
    )
    child.expect("timed out")
    child.finish()


@needs_signals
def test_a_handler_that_uses_what_it_interrupts_gets_an_error(
    name: bytes, start_child: Any
) -> None:
    with smipc.open_channel(name, CHAN_W, framing="message") as writer:
        child: Child = start_child(
            """
            def handler(*_):
                try:
                    reader.recv_many()
                except BusyError as problem:
                    say("busy", arguments[0].decode() in str(problem))

            signal.signal(signal.SIGUSR1, handler)
            with open_channel(arguments[0], CHAN_R, framing="message") as reader:
                say_when_waiting("ready")
                say(reader.recv(3600).decode())
            """,
            name,
        )
        child.expect("ready")
        os.kill(child.pid, signal.SIGUSR1)
        child.expect("busy True")
        writer.send(b"message")
        child.expect("message")
        child.finish()


@needs_signals
def test_a_handler_may_close_what_it_interrupts(name: bytes, start_child: Any) -> None:
    with smipc.open_channel(name, CHAN_W, framing="message") as writer:
        child: Child = start_child(
            """
            signal.signal(signal.SIGUSR1, lambda *_: reader.close())
            reader = open_channel(arguments[0], CHAN_R, framing="message").open()
            for timeout in (None, 3600):
                say_when_waiting("ready")
                try:
                    reader.recv(timeout)
                except ClosedError:
                    say("closed", reader.is_open)
                reader.open()
            say(reader.recv().decode())
            """,
            name,
        )
        for _ in range(2):
            child.expect("ready")
            os.kill(child.pid, signal.SIGUSR1)
            child.expect("closed False")
        while True:
            try:
                writer.send(b"message")
                break
            except smipc.OppositeEndClosedError:  # not open again yet
                pass
        child.expect("message")
        child.finish()


# Iterators of what the call returns. With `x = reader.recv()` Python itself may look for signals
# between the call and the store; what a step of C takes from an iterator is never lost.
RECEIVERS: dict[str, Any] = {
    "recv": lambda reader: map(Channel.recv, (reader,)),
    "recv with a timeout": lambda reader: map(Channel.recv, (reader,), (60,)),
    "recv_many": lambda reader: itertools.chain.from_iterable(
        map(Channel.recv_many, (reader,), (5,))
    ),
    "recv_many of whole lists": lambda reader: itertools.chain.from_iterable(
        map(Channel.recv_many, (reader,))
    ),
    "iteration": lambda reader: map(next, (iter(reader),)),
    "recv_object": lambda reader: map(Channel.recv_object, (reader,)),
}


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs setitimer")
@pytest.mark.parametrize("how", RECEIVERS)
@pytest.mark.parametrize("capacity", [200, 65536])
def test_a_storm_of_signals_that_raise_loses_nothing(name: bytes, how: str, capacity: int) -> None:
    """The timer lands anywhere in the code of the package, some thousand times."""
    writer, reader = open_pair(name, capacity)
    count = 10_000

    def send() -> None:
        for i in range(count):
            if how == "recv_object":
                writer.send_object(i)
            else:
                writer.send(b"%d" % i)

    thread = threading.Thread(target=send)
    with writer, reader:
        writer.send_object("imports what it needs: no signal may come in the middle of an import")
        reader.recv_object()
        thread.start()
        received, interrupts = collect_in_a_storm(lambda: RECEIVERS[how](reader), count)
        thread.join()
        assert [int(message) for message in received] == list(range(count))
        assert interrupts > 0
        with pytest.raises(smipc.TimedOutError):
            reader.recv(0)


def test_an_exception_in_another_threads_wait_does_not_hurt(pair: Pair) -> None:
    import ctypes

    writer, reader = pair
    begun = threading.Event()
    problems: list[BaseException] = []

    def receive() -> None:
        begun.set()
        try:
            reader.recv()
        except BaseException as problem:
            problems.append(problem)

    thread = threading.Thread(target=receive)
    thread.start()
    begun.wait()
    assert thread.ident is not None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread.ident), ctypes.py_object(Interrupted)
    )
    thread.join()
    assert [type(problem) for problem in problems] == [Interrupted]
    writer.send(b"x")
    assert reader.recv() == b"x"


RECEIVING: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "recv": (Channel.recv, (1,)),
    "recv_many": (Channel.recv_many, (1, 1)),
    "recv_into": (Channel.recv_into, (bytearray(100), 1)),
    "recv_object": (Channel.recv_object, (1,)),
    "read": (Channel.read, (bytearray(100), 5)),
    "read all": (Channel.read, (bytearray(100), 5, True)),
}


@pytest.mark.parametrize("how", RECEIVING)
def test_a_signal_at_the_end_of_a_call_takes_nothing_from_it(name: bytes, how: str) -> None:
    """It comes with the last step of C in the call: the caller gets what came out, or it stays."""
    call, arguments = RECEIVING[how]
    writer, reader = open_pair(name, framing="stream" if "read" in how else "message")
    send = writer.write if "read" in how else writer.send
    data = pickle.dumps(1)[:5]
    got = None
    with writer, reader:
        send(data)
        add_signal(reader)
        with pytest.raises(KeyboardInterrupt):
            for result in map(call, (reader,), *zip(arguments)):
                got = result
            wait_for_signal()
        send(b"another")
        if got is None:
            assert reader.recv_many()[0] == data
        elif how == "recv_object":
            assert got == 1


@pytest.mark.parametrize("lend", ["reserve", "reserve_array", "peek", "peek_array"])
def test_a_signal_on_entering_a_block_leaves_the_channel_free(pair: Pair, lend: str) -> None:
    numpy = pytest.importorskip("numpy") if "array" in lend else None
    writer, reader = pair
    writer.send(b"first") if numpy is None else writer.send_array(numpy.arange(5))
    end, arguments = (writer, (5,)) if "reserve" in lend else (reader, ())
    add_signal(end)
    with pytest.raises(KeyboardInterrupt):  # noqa: SIM117  inside the block, or on entering it
        with getattr(end, lend)(*arguments):
            wait_for_signal()
    writer.send(b"second")
    assert b"second" in iter(lambda: reader.recv(0), None)  # the first may be there, or not


def add_signal(channel: Channel) -> None:
    """The step that ends the next call's turn also sends a signal. All of it is C: this function,
    unlike those of os and signal, does not look whether there is a signal to handle."""
    send_signal = ctypes.CDLL(C_LIBRARY)["raise"]
    steps: Any = zip(map(send_signal, (signal.SIGINT,)), channel._release, strict=False)
    channel._release = itertools.chain(steps, channel._release)


def wait_for_signal() -> None:
    for _ in range(100):
        pass


def test_a_signal_on_top_of_an_error_leaves_the_turn_free(pair: Pair) -> None:
    """The signal comes as the error does: there is no step of Python's between the two."""
    writer, reader = pair
    # Unlike that of module signal this one does not look whether there is a signal to handle; nor
    # does this error, which has no repr in its text.
    send_signal = ctypes.CDLL(C_LIBRARY)["raise"]
    work: Any = itertools.chain(
        map(send_signal, (signal.SIGINT,)), map(operator.truediv, (1,), (0,))
    )
    with pytest.raises(KeyboardInterrupt):
        reader._in_turn(work, functools.reduce, operator.add)
    writer.send(b"still works")
    assert reader.recv(0) == b"still works"
    with pytest.raises(smipc.TimedOutError, match="no message"):
        reader.recv_into(bytearray(1), 0)


@pytest.mark.parametrize("what", ["send", "fetch", "area"])
def test_a_signal_while_something_native_is_dropped_is_not_lost(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """A destructor that is a Python function would run the handler, and drop what it raises."""

    def handler(*_: object) -> None:
        raise Interrupted

    lost: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lost.append)
    reader = pair[1]
    calls = _bound.ChannelCalls(reader._handle)
    held: dict[str, Any] = {
        "send": calls.try_send,
        "fetch": calls.fetch_now,
        "area": lend(reader._handle, reader._handle, 1),
    }
    del calls
    before = signal.signal(signal.SIGINT, handler)
    try:
        with pytest.raises(Interrupted):
            for _ in map(ctypes.CDLL(C_LIBRARY)["raise"], (signal.SIGINT,)):
                held[what] = None
    finally:
        signal.signal(signal.SIGINT, before)
    assert not lost


@pytest.mark.parametrize("step", [1, 2, 3])
def test_an_interrupted_open_leaves_the_end_free(
    name: bytes, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    real = smipc.channel.check
    steps = itertools.count(1)

    def check(status: int) -> None:
        real(status)
        if next(steps) == step:
            raise Interrupted

    channel = smipc.open_channel(name, CHAN_R, 4096, framing="message")
    monkeypatch.setattr(smipc.channel, "check", check)
    with pytest.raises(Interrupted):
        channel.open()
    monkeypatch.setattr(smipc.channel, "check", real)
    assert not channel.is_open
    channel.open().close()


@needs_signals
def test_a_queue_keeps_its_fast_way_after_an_interrupted_wait(text: str) -> None:
    def handler(*_: object) -> None:
        raise Interrupted

    queue = NamedMessageQueue(text, handle_existence=Flags.LINK_OR_CREATE)
    before = signal.signal(signal.SIGALRM, handler)
    try:
        for _ in range(5):
            signal.setitimer(signal.ITIMER_REAL, 0.01)
            with pytest.raises(Interrupted):
                queue.receive()
            assert queue._spare_fetch is not None
            queue.send(b"after it")
            assert queue.receive() == (b"after it", 0)
    finally:
        signal.signal(signal.SIGALRM, before)
