"""Round trips inside asyncio: the frame of `harness`, with an event loop in each of the two
processes.

A contestant here has coroutine methods: `attach(initiator)`, `send(message)`, `recv()`, `detach()`.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
from itertools import repeat
from multiprocessing import get_context
from time import perf_counter_ns
from typing import Any

from harness import (
    NOT_OFFERED,
    NotOffered,
    choose_sections,
    fail,
    numbered_messages,
    parse_options,
    report,
    settle,
)


async def exchange(it: Any, count: int, block: int) -> tuple[int, int, list[float]]:
    send, recv = it.send, it.recv
    messages = numbered_messages(it.options.size, block)
    times = []
    began = perf_counter_ns()
    for _ in range(count // block):
        start = perf_counter_ns()
        for message in messages:
            await send(message)
            answer = await recv()
        times.append((perf_counter_ns() - start) / block)
        if answer != message:
            fail("an answer that does not belong to its question")
    return count, perf_counter_ns() - began, times


async def answer(it: Any, orders: Any) -> None:
    await it.attach(False)
    orders.send("ready")
    send, recv = it.send, it.recv
    while count := orders.recv():
        for _ in repeat(None, count):
            await send(await recv())
    await it.detach()


def respond(it: Any, orders: Any) -> None:
    settle(it.options, it.options.responder_core)
    gc.disable()
    asyncio.run(answer(it, orders))


def initiate(it: Any, orders: Any, seconds: float) -> tuple[int, int, list[float]]:
    settle(it.options, 0)
    gc.disable()
    with asyncio.Runner() if sys.version_info >= (3, 11) else _OldRunner() as runner:
        runner.run(it.attach(True))
        orders.recv()

        def run(count: int, block: int) -> tuple[int, int, list[float]]:
            orders.send(count)
            return runner.run(exchange(it, count, block))

        outcome = choose_sections("roundtrip", seconds, run)
        orders.send(0)
        runner.run(it.detach())
    return outcome


class _OldRunner:
    """asyncio.Runner as far as it is used here, for Python 3.10."""

    def __enter__(self) -> _OldRunner:
        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        return self

    def run(self, coroutine: Any) -> Any:
        return self.loop.run_until_complete(coroutine)

    def __exit__(self, *_: object) -> None:
        self.loop.close()


def main(contestant_class: Any) -> None:
    options: argparse.Namespace = parse_options()
    try:
        it = contestant_class(options)
    except (ImportError, NotOffered) as error:
        print(error, file=sys.stderr)
        sys.exit(NOT_OFFERED)
    context = get_context("fork")
    here, there = context.Pipe()
    child = context.Process(target=respond, args=(it, there))
    child.start()
    outcome = initiate(it, here, options.seconds)
    child.join()
    if child.exitcode:
        fail(f"the responder ended with {child.exitcode}")
    report(options, *outcome)
