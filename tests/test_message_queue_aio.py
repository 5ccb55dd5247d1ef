"""smipc.aio.MessageQueue: message queues in an event loop."""

from __future__ import annotations

import asyncio
import threading

import pytest

import smipc
import smipc.aio
from smipc import Flags, NamedMessageQueue


def create(name: str, messages: int = 10, size: int = 8192) -> NamedMessageQueue:
    return NamedMessageQueue(name, messages, size, handle_existence=Flags.RAISE_IF_EXISTS)


def test_await(text: str) -> None:
    queue = create(text, 2, 100)

    async def main() -> None:
        jobs = smipc.aio.MessageQueue(queue)
        assert await jobs.receive(0) is None
        assert await jobs.receive(0.01) is None
        assert await jobs.send("first", priority=1)
        assert await jobs.receive() == (b"first", 1)
        waiting = asyncio.create_task(jobs.receive())
        await asyncio.sleep(0)
        threading.Thread(target=queue.send, args=(b"second",)).start()
        assert await waiting == (b"second", 0)
        assert await jobs.send(b"1") and await jobs.send(b"2")
        assert await jobs.send(b"3", 0.001) is False
        sending = asyncio.create_task(jobs.send(b"3"))
        await asyncio.sleep(0)
        seen = []
        async for message, _ in jobs:
            seen.append(message)
            if message == b"3":
                break
        assert seen == [b"1", b"2", b"3"]
        assert await sending

    asyncio.run(main())


def test_a_cancelled_receive_takes_nothing(text: str) -> None:
    queue = create(text, 5, 100)

    async def main() -> None:
        jobs = smipc.aio.MessageQueue(queue)
        for number in range(200):
            task = asyncio.create_task(jobs.receive())
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await jobs.send(b"%d" % number)
            assert await jobs.receive(60) == (b"%d" % number, 0)

    asyncio.run(main())


def test_closing_ends_the_tasks_that_wait(text: str) -> None:
    queue = create(text)

    async def main() -> None:
        async with smipc.aio.MessageQueue(queue) as jobs:
            task = asyncio.create_task(jobs.receive())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        with pytest.raises(smipc.ClosedError):
            await task

    asyncio.run(main())


def test_a_task_that_never_waits_leaves_the_loop_to_others(text: str) -> None:
    queue = create(text)

    async def main() -> None:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0)
                ticks += 1

        other = asyncio.create_task(tick())
        async with smipc.aio.MessageQueue(queue) as jobs:
            while ticks < 10:  # until the watchdog, if it never gets its turn
                assert await jobs.send(b"x")
                assert await jobs.receive() == (b"x", 0)
        other.cancel()

    asyncio.run(main())


def test_iterating_waits_also_where_nothing_blocks(text: str) -> None:
    queue = create(text)
    queue.block = False

    async def main() -> None:
        async with smipc.aio.MessageQueue(queue) as jobs:
            assert await jobs.receive() is None
            waiting = asyncio.create_task(jobs.__anext__())
            for _ in range(10):
                await asyncio.sleep(0)
            assert not waiting.done()
            assert await jobs.send(b"x")
            assert await waiting == (b"x", 0)

    asyncio.run(main())


def test_only_queues_are_awaited() -> None:
    with pytest.raises(TypeError, match="int"):
        smipc.aio.MessageQueue(5)  # type: ignore[arg-type]
