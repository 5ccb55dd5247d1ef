"""smipc.aio: channels in an event loop."""

from __future__ import annotations

import asyncio
import random
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np
import pytest
from children import Child

import smipc
import smipc.aio
from smipc import CHAN_R, CHAN_W
from smipc._timing import POLL, SOON


class NoDescriptorsLoop(asyncio.SelectorEventLoop):
    """Like the Proactor loop of Windows: it cannot watch a descriptor."""

    def add_reader(self, *_: Any) -> None:
        raise NotImplementedError

    remove_reader = add_reader  # type: ignore[assignment]

    def _add_reader(self, fd: Any, callback: Any, *args: Any) -> Any:
        return super()._add_reader(fd, callback, *args)  # its own self-pipe


def look_every_second(loop: asyncio.AbstractEventLoop) -> None:
    """Wine's select may miss the byte by which call_soon_threadsafe wakes it: a program of threads
    and asyncio alone waits for ever then, one time in some ten thousand. What was called runs when
    it looks again."""
    loop.call_later(1, look_every_second, loop)


@pytest.fixture(params=[asyncio.SelectorEventLoop, NoDescriptorsLoop])
def run(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Runs a coroutine on a loop of its own, and checks that no task is left on it."""

    def run(main: Coroutine[Any, Any, Any]) -> Any:
        loop = request.param()
        if sys.platform == "win32":
            look_every_second(loop)
        try:
            result = loop.run_until_complete(main)
            assert asyncio.all_tasks(loop) == set()
            return result
        finally:
            loop.close()

    return run


Run = Callable[[Coroutine[Any, Any, Any]], Any]


def ends(name: bytes, capacity: int = 65536) -> tuple[smipc.aio.Channel, smipc.aio.Channel]:
    return (
        smipc.aio.open_channel(name, CHAN_W, capacity, framing="message"),
        smipc.aio.open_channel(name, CHAN_R, capacity, framing="message"),
    )


def test_messages_of_all_sizes_come_in_order(name: bytes, run: Run) -> None:
    messages = [bytes([n % 251]) * (n * n % 5003) for n in range(300)] + [bytes(500_000), b""]

    async def main() -> None:
        writer, reader = ends(name, 3000)
        async with writer, reader:

            async def send() -> None:
                for message in messages:
                    await writer.send(message)
                writer.close()

            sender = asyncio.create_task(send())
            received = [message async for message in reader]
            assert received == messages
            await sender

    run(main())


def test_the_loop_goes_on_while_a_task_waits(name: bytes, run: Run) -> None:
    async def main() -> None:
        writer, reader = ends(name, 100)
        async with writer, reader:
            waiting = asyncio.create_task(reader.recv())
            for _ in range(100):
                await asyncio.sleep(0)
            assert not waiting.done()
            await writer.send(b"x")
            assert await waiting == b"x"
            await writer.send(bytes(100))
            waiting_too = asyncio.create_task(writer.send(b"y"))
            while not writer._is_queued():
                await asyncio.sleep(0)
            for _ in range(100):
                await asyncio.sleep(0)
            assert not waiting_too.done()
            assert await reader.recv() == bytes(100)
            await waiting_too
            assert await reader.recv() == b"y"

    run(main())


def test_with_another_process(name: bytes, run: Run, start_child: Any) -> None:
    child: Child = start_child(
        """
        with (
            open_channel(arguments[0] + b"-there", CHAN_R, framing="message") as requests,
            open_channel(arguments[0] + b"-back", CHAN_W, framing="message") as replies,
        ):
            say("open")
            for message in requests:
                replies.send(message.upper())
        """,
        name,
    )
    child.expect("open")

    async def main() -> None:
        requests = smipc.aio.open_channel(name + b"-there", CHAN_W, framing="message")
        replies = smipc.aio.open_channel(name + b"-back", CHAN_R, framing="message")
        async with requests, replies:
            for i in range(500):
                await requests.send(b"message %d" % i)
                assert await replies.recv() == b"MESSAGE %d" % i
            requests.close()
            assert [message async for message in replies] == []

    run(main())
    child.finish()


def test_all_ways_of_receiving(name: bytes, run: Run) -> None:
    async def main() -> None:
        writer, reader = ends(name)
        async with writer, reader:
            calls: list[tuple[Callable[[], Any], Callable[[], Any], Any]] = [
                (lambda: writer.send(b"abc"), reader.recv, b"abc"),
                (lambda: writer.send_many([b"a", b"b"]), lambda: reader.recv_many(5), [b"a", b"b"]),
                (lambda: writer.send(b"abc"), lambda: reader.recv_into(bytearray(5)), 3),
                (lambda: writer.send_object({1: 2}), reader.recv_object, {1: 2}),
                (lambda: writer.send_object([np.ones(50_000)]), reader.recv_object, None),
                (lambda: writer.send_array(np.ones(3)), reader.recv_array, None),
                (lambda: writer.send_array(np.ones(50_000)), reader.recv_array, None),
            ]
            for send, receive, wanted in calls:
                received = asyncio.create_task(receive())  # it waits first
                await asyncio.sleep(0)
                await send()
                if wanted is not None:
                    assert await received == wanted
                await received
            waiting = asyncio.create_task(reader.readable())
            await asyncio.sleep(0)
            await writer.send(b"x")
            await waiting
            assert reader.channel.recv(0) == b"x"
            await writer.flush()

    run(main())


def test_streams_can_be_waited_for(name: bytes, run: Run) -> None:
    async def main() -> None:
        reader = smipc.aio.open_channel(name, CHAN_R)
        with smipc.open_channel(name, CHAN_W) as writer:
            async with reader:
                waiting = asyncio.create_task(reader.readable())
                await asyncio.sleep(0)
                writer.write(b"abc")
                await waiting
                assert reader.channel.read(bytearray(5), 5) == 3

    run(main())


def stream_ends(name: bytes, capacity: int = 65536) -> tuple[smipc.aio.Channel, smipc.aio.Channel]:
    return (
        smipc.aio.open_channel(name, CHAN_W, capacity),
        smipc.aio.open_channel(name, CHAN_R, capacity),
    )


def test_streams_of_pieces_of_all_sizes(name: bytes, run: Run) -> None:
    sent = random.Random(1).randbytes(60_000)

    async def main() -> None:
        writer, reader = stream_ends(name, 700)
        async with writer, reader:

            async def write() -> None:
                at = 0
                for size in (1, 20, 700, 699, 5000, 0, 30_000, len(sent)):
                    await writer.write(sent[at : at + size])
                    at += size
                writer.close()

            writing = asyncio.create_task(write())
            received = b""
            for size in (7, 700, 1, 3000, 20_000, 0, 500):
                piece = bytearray(size + 3)
                assert await reader.read(piece, size, blocking=True) == size
                received += piece[:size]
            while len(received) < len(sent):
                await reader.readable()
                piece = bytearray(1000)
                received += piece[: await reader.read(piece, 1000)]
            assert received == sent
            await writing
            with pytest.raises(smipc.OppositeEndClosedError):
                await reader.read(bytearray(1), 1, blocking=True)

    run(main())


def test_a_cancelled_read_consumes_nothing(name: bytes, run: Run) -> None:
    async def main() -> None:
        writer, reader = stream_ends(name, 100)
        async with writer, reader:
            for size in (50, 100, 5000):
                sent = random.randbytes(size)
                for there in (0, size // 3):
                    rest = asyncio.create_task(writer.write(sent[:there]))
                    for timeout in (0, 0.01):
                        with pytest.raises((smipc.TimedOutError, asyncio.TimeoutError)):
                            reading = reader.read(bytearray(size), size, True, timeout or None)
                            await asyncio.wait_for(reading, 0.01 if timeout else 0.005)
                    buffer = bytearray(size)
                    complete = asyncio.create_task(reader.read(buffer, size, blocking=True))
                    await rest
                    await writer.write(sent[there:])
                    assert await complete == size
                    assert buffer == sent

    run(main())


def test_a_write_that_waits_can_be_cancelled(name: bytes, run: Run) -> None:
    async def main() -> None:
        writer, reader = stream_ends(name, 100)
        async with writer, reader:
            await writer.write(bytes(90))
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(writer.write(bytes(20)), 0.02)
            with pytest.raises(smipc.TimedOutError) as caught:
                await writer.write(bytes(20), 0)
            assert caught.value.transferred == 0
            assert await reader.read(bytearray(200), 200) == 90
            await writer.write(b"next")
            buffer = bytearray(4)
            assert await reader.read(buffer, 4, blocking=True) == 4
            assert buffer == b"next"

    run(main())


def test_what_is_handed_out_takes_no_turn_of_the_loop(name: bytes, run: Run) -> None:
    async def main() -> None:
        writer, reader = ends(name)
        async with writer, reader:
            writer.channel.send_many([b"%d" % i for i in range(200)])
            assert await reader.recv() == b"0"  # and fetches the others
            turned: list[bool] = []
            asyncio.get_running_loop().call_soon(turned.append, True)
            for i in range(1, 200):
                assert await reader.recv() == b"%d" % i
            assert not turned

    run(main())


def test_a_task_that_never_has_to_wait_does_not_keep_others_waiting(name: bytes, run: Run) -> None:
    async def main() -> None:
        for way in ("recv", "recv_many", "recv_into", "stream"):
            writer, reader = (stream_ends if way == "stream" else ends)(name)
            others_had_enough = asyncio.Event()

            async def other(enough: asyncio.Event) -> None:
                for _ in range(3):
                    await asyncio.sleep(0)
                enough.set()

            async with writer, reader:
                task = asyncio.create_task(other(others_had_enough))
                while not others_had_enough.is_set():
                    if way == "stream":
                        await writer.write(b"x")
                        await reader.read(bytearray(1), 1, blocking=True)
                        continue
                    await writer.send(b"x")
                    if way == "recv":
                        await reader.recv()
                    elif way == "recv_many":
                        await reader.recv_many()
                    else:
                        await reader.recv_into(bytearray(1))
                await task

    run(main())


def test_nobody_spins_while_the_loop_has_something_to_run(name: bytes, run: Run) -> None:
    async def main() -> None:
        reader = smipc.aio.open_channel(name, CHAN_R, framing="message")
        async with reader:
            assert await reader._turn(None) == SOON
            assert await reader._turn(POLL) == POLL
            busy = True

            async def other() -> None:
                while busy:
                    await asyncio.sleep(0)

            task = asyncio.create_task(other())
            for _ in range(10):
                assert await reader._turn(None) == POLL
            busy = False
            await task
            assert await reader._turn(None) == SOON

    run(main())


def test_timeouts(name: bytes, run: Run) -> None:
    async def main() -> None:
        writer, reader = ends(name, 100)
        async with writer, reader:
            for timeout in (0, 0.02):
                for call in (
                    reader.recv,
                    reader.readable,
                    reader.recv_object,
                    lambda timeout: reader.recv_many(5, timeout),
                    lambda timeout: reader.recv_into(bytearray(1), timeout),
                ):
                    with pytest.raises(smipc.TimedOutError):
                        await call(timeout)
            await writer.send(bytes(100))
            for timeout in (0, 0.02, 0.08):
                with pytest.raises(smipc.TimedOutError):
                    await writer.send(b"x", timeout)
                with pytest.raises(smipc.TimedOutError):
                    await writer.flush(timeout)
            for bad in (-1, "x", float("nan")):
                with pytest.raises((smipc.InvalidArgumentError, smipc.InvalidTypeError)):
                    await writer.send(b"x", bad)  # type: ignore[arg-type]
            assert await reader.recv() == bytes(100)
            with pytest.raises(smipc.TimedOutError):
                await reader.recv(0)

    run(main())


def test_timeouts_of_tasks_that_wait_behind_others(name: bytes, run: Run) -> None:
    async def main() -> None:
        writer, reader = ends(name, 100)
        async with writer, reader:
            await writer.send(bytes(100))
            first = asyncio.create_task(writer.send(b"first"))
            while not writer._is_queued():
                await asyncio.sleep(0)
            for timeout in (0, 0.02):
                with pytest.raises(smipc.TimedOutError):
                    await writer.send(b"late", timeout)
            second = asyncio.create_task(writer.send(b"second"))
            given_up = asyncio.create_task(writer.send(b"given up"))
            third = asyncio.create_task(writer.send(b"third"))
            await asyncio.sleep(0)
            given_up.cancel()
            received = [await reader.recv() for _ in range(4)]
            assert received == [bytes(100), b"first", b"second", b"third"]
            await asyncio.gather(first, second, third)
            assert not writer._is_queued()
            await asyncio.wait((given_up,))

    run(main())


def test_a_large_message_whose_writer_pauses(name: bytes, run: Run) -> None:
    async def main() -> None:
        reader = smipc.aio.open_channel(name, CHAN_R, 100, framing="message")
        with smipc.open_channel(name, CHAN_W, 100, framing="message") as writer:
            async with reader:
                for way in (reader.recv, reader.recv_many, reader.recv_object):
                    with pytest.raises(smipc.TimedOutError):
                        writer.send(bytes(1000), 0)  # its beginning is in the channel
                    for timeout in (0, 0.02):
                        with pytest.raises(smipc.TimedOutError):
                            await way(timeout=timeout)
                    with pytest.raises(asyncio.TimeoutError):
                        await asyncio.wait_for(way(), 0.02)
                    waiting = asyncio.create_task(way())
                    for _ in range(100):
                        await asyncio.sleep(0)
                    assert not waiting.done()
                    if way == reader.recv_object:
                        thread = threading.Thread(target=writer.send_object, args=(bytes(1000),))
                    else:
                        thread = threading.Thread(target=writer.send, args=(bytes(1000),))
                    thread.start()
                    assert await waiting in (bytes(1000), [bytes(1000)])
                    thread.join()

    run(main())


def test_send_many_says_how_many_have_gone(name: bytes, run: Run) -> None:
    async def main() -> None:
        writer, reader = ends(name, 100)
        async with writer, reader:
            messages = [b"%02d" % i for i in range(50)]
            with pytest.raises(smipc.TimedOutError) as caught:
                await writer.send_many(messages, 0.02)
            gone = caught.value.transferred
            assert 0 < gone < len(messages)
            rest = asyncio.create_task(writer.send_many(messages[gone:]))
            received: list[bytes] = []
            while len(received) < len(messages):
                received += await reader.recv_many()
            assert received == messages
            await rest

    run(main())


def test_a_cancelled_receive_loses_nothing(name: bytes, run: Run) -> None:
    async def main() -> None:
        writer, reader = ends(name, 500)
        count = 2000
        received: list[bytes] = []
        cancelled = 0
        async with writer, reader:

            async def send() -> None:
                for i in range(count):
                    await writer.send(b"%d" % i)
                    if i % 7 == 0:
                        await asyncio.sleep(0)

            async def receive() -> None:
                received.append(await reader.recv())

            sender = asyncio.create_task(send())
            while len(received) < count:
                task = asyncio.create_task(receive())
                for _ in range(random.randrange(4)):
                    await asyncio.sleep(0)
                task.cancel()
                try:
                    await task
                except asyncio.CancelledError:
                    cancelled += 1
            assert received == [b"%d" % i for i in range(count)]
            assert cancelled > 0
            await sender

    run(main())


@pytest.mark.parametrize("size", [10, 5000])
def test_a_cancelled_send_is_whole_or_not_there(name: bytes, run: Run, size: int) -> None:
    async def main() -> None:
        writer, reader = ends(name, 100)
        sent: list[bytes] = []
        perhaps: list[bytes] = []
        received: list[bytes] = []
        async with writer, reader:

            async def receive() -> None:
                async for message in reader:
                    received.append(message)
                    if len(received) % 3 == 0:
                        await asyncio.sleep(0.001)

            receiver = asyncio.create_task(receive())
            for i in range(60):
                message = (b"%d " % i).ljust(size, b".")
                task = asyncio.create_task(writer.send(message))
                if i % 2:
                    await asyncio.sleep(random.choice([0, 0, 0.0005, 0.003]))
                    task.cancel()
                try:
                    await task
                    sent.append(message)
                except asyncio.CancelledError:
                    perhaps.append(message)
            await writer.send(b"end")
            writer.close()
            await receiver
        assert received[-1] == b"end"
        assert [message for message in received[:-1] if message not in perhaps] == sent
        assert set(received[:-1]) <= {*sent, *perhaps}
        assert len(set(received)) == len(received)

    run(main())


def test_a_send_that_waits_for_ever_can_be_cancelled(name: bytes, run: Run) -> None:
    async def main() -> None:
        writer, reader = ends(name, 100)
        async with writer, reader:
            await writer.send(bytes(100))
            for call in (writer.send(b"x"), writer.send(bytes(1000)), writer.flush()):
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(call, 0.02)
            assert await reader.recv() == bytes(100)
            await writer.send(b"next")
            assert await reader.recv() == b"next"

    run(main())


def test_tasks_that_wait_for_ever_can_be_cancelled_together(name: bytes, run: Run) -> None:
    async def main() -> None:
        writer, reader = ends(name, 100)
        async with writer, reader:
            await writer.send(bytes(100))
            for calls in (
                (writer.flush(), writer.flush(), writer.flush()),
                (writer.send(b"x"), writer.flush(), writer.send(bytes(1000))),
            ):
                tasks = [asyncio.create_task(call) for call in calls]
                await asyncio.wait(tasks, timeout=0.02)
                for task in tasks:
                    task.cancel()
                done, pending = await asyncio.wait(tasks, timeout=60)
                assert not pending
                assert all(task.cancelled() for task in done)
            assert await reader.recv() == bytes(100)
            await writer.send(b"next")
            assert await reader.recv() == b"next"

    run(main())


@pytest.mark.parametrize("timeout", [-1, "x"])
def test_a_bad_timeout_is_refused_also_where_nothing_waits(
    name: bytes, run: Run, timeout: Any
) -> None:
    async def main() -> None:
        writer, reader = ends(name)
        async with writer, reader:
            await writer.send(b"first")
            with pytest.raises((ValueError, TypeError), match="timeout"):
                await writer.send(b"second", timeout)
            assert await reader.recv() == b"first"
            with pytest.raises(smipc.TimedOutError):
                await reader.recv(0)

    run(main())


def test_what_cannot_be_gone_through_is_refused(name: bytes, run: Run) -> None:
    async def main() -> None:
        writer, reader = ends(name)
        async with writer, reader:
            with pytest.raises(smipc.InvalidTypeError, match="messages must be iterable, not int"):
                await writer.send_many(5)  # type: ignore[arg-type]

    run(main())


def test_many_tasks_on_one_channel(name: bytes, run: Run) -> None:
    async def main() -> None:
        writer, reader = ends(name, 200)
        received: list[bytes] = []
        async with writer, reader:

            async def send(task: int) -> None:
                for i in range(100):
                    await writer.send(b"%d %d" % (task, i))

            async def receive() -> None:
                async for message in reader:
                    received.append(message)
                    await asyncio.sleep(0)

            receivers = [asyncio.create_task(receive()) for _ in range(3)]
            await asyncio.gather(*(send(task) for task in range(3)))
            writer.close()
            await asyncio.gather(*receivers)
        for task in range(3):
            own = [message for message in received if message.startswith(b"%d " % task)]
            assert sorted(own, key=lambda m: int(m.split()[1])) == [
                b"%d %d" % (task, i) for i in range(100)
            ]

    run(main())


def test_closing_ends_the_waits(name: bytes, run: Run) -> None:
    async def main() -> None:
        for close_in_thread in (False, True):
            writer, reader = ends(name, 100)
            async with writer, reader:
                await writer.send(bytes(100))
                assert await reader.recv() == bytes(100)
                await writer.send(bytes(100))
                assert await reader.recv() == bytes(100)
                waiting = [asyncio.create_task(reader.recv()) for _ in range(2)]
                await asyncio.sleep(0)
                if close_in_thread:
                    thread = threading.Thread(target=reader.channel.close)
                    thread.start()
                    while thread.is_alive():
                        await asyncio.sleep(0)
                else:
                    reader.close()
                for task in waiting:
                    with pytest.raises(smipc.ClosedError):
                        await task

    run(main())


def test_the_end_of_the_writer_ends_a_wait(name: bytes, run: Run, start_child: Any) -> None:
    child: Child = start_child(
        """
        writer = open_channel(arguments[0], CHAN_W, framing="message").open()
        say("open")
        hear()
        """,
        name,
    )

    async def main() -> None:
        reader = smipc.aio.open_channel(name, CHAN_R, framing="message")
        async with reader:
            waiting = asyncio.create_task(reader.recv())
            await asyncio.sleep(0)
            child.process.kill()
            with pytest.raises(smipc.OppositeEndDiedError):
                await waiting
            with pytest.raises(smipc.OppositeEndDiedError):
                async for _ in reader:
                    pass

    child.expect("open")
    run(main())


def test_one_channel_in_one_loop_after_the_other(name: bytes, run: Run) -> None:
    writer, reader = ends(name, 100)

    async def main() -> None:
        waiting = asyncio.create_task(reader.recv())
        await asyncio.sleep(0)
        await writer.send(bytes(100))
        await waiting
        await writer.send(bytes(100))
        sending = [asyncio.create_task(writer.send(b"x")) for _ in range(3)]
        await asyncio.sleep(0)
        received = [await reader.recv() for _ in range(4)]
        assert received == [bytes(100), b"x", b"x", b"x"]
        await asyncio.gather(*sending)

    with writer.channel, reader.channel:
        for _ in range(3):
            run(main())


def test_it_shares_its_messages_with_the_channel_it_wraps(name: bytes, run: Run) -> None:
    async def main() -> None:
        writer, reader = ends(name)
        async with writer, reader:
            writer.channel.send_many([b"%d" % i for i in range(9)])
            received = []
            for _ in range(3):
                received.append(await reader.recv())
                received.append(reader.channel.recv())
                received += await reader.recv_many(1)
            assert received == [b"%d" % i for i in range(9)]

    run(main())


def test_it_wraps_channels_only() -> None:
    with pytest.raises(smipc.InvalidTypeError, match="str"):
        smipc.aio.Channel("name")  # type: ignore[arg-type]


def test_a_channel_that_is_not_open(name: bytes, run: Run) -> None:
    async def main() -> None:
        writer, reader = ends(name)
        for call in (reader.recv(), reader.recv_many(), reader.readable(), writer.send(b"x")):
            with pytest.raises(smipc.ClosedError):
                await call

    run(main())
