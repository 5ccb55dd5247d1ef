"""What a smipc channel costs besides its messages, from Python. One kind a run, one line of JSON:
openclose: open + close of the only end, which creates the segment and removes it each time, in us;
idle, aio, listener: CPU of a reader that waits for --seconds, in % of a core."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from multiprocessing import get_context
from time import perf_counter_ns, process_time_ns, sleep

from harness import fail, unique_name

import smipc


def open_close(options: argparse.Namespace) -> None:
    name = unique_name()
    times = []
    until = perf_counter_ns() + int(options.seconds * 1e9)
    while perf_counter_ns() < until or len(times) < 5:
        began = perf_counter_ns()
        with smipc.open_channel(name, smipc.CHAN_W, options.capacity, framing="message"):
            pass
        times.append(perf_counter_ns() - began)
    print(json.dumps({"value": statistics.median(times) / 1e3, "unit": "us"}))


def hold_writer(name: str, ready, done) -> None:
    os.sched_setaffinity(0, {1})
    with smipc.open_channel(name, smipc.CHAN_W, framing="message"):
        ready.set()
        done.wait()


def wait_in_recv(reader: smipc.Channel, seconds: float) -> None:
    try:
        reader.recv(timeout=seconds)
    except TimeoutError:
        pass
    else:
        fail("a message came")


def wait_in_aio(reader: smipc.Channel, seconds: float) -> None:
    import asyncio

    import smipc.aio

    async def wait() -> None:
        try:
            await smipc.aio.Channel(reader).recv(timeout=seconds)
        except TimeoutError:
            pass
        else:
            fail("a message came")

    asyncio.run(wait())


def wait_in_listener(reader: smipc.Channel, seconds: float) -> None:
    with reader.read_async(lambda _: fail("a message came")):
        sleep(seconds)


WAITS = {"idle": wait_in_recv, "aio": wait_in_aio, "listener": wait_in_listener}


def idle(options: argparse.Namespace) -> None:
    name = unique_name()
    context = get_context("fork")
    ready, done = context.Event(), context.Event()
    writer = context.Process(target=hold_writer, args=(name, ready, done))
    writer.start()
    ready.wait()
    os.sched_setaffinity(0, {0})
    with smipc.open_channel(name, smipc.CHAN_R, framing="message", wait=options.wait) as reader:
        wait = WAITS[options.kind]
        wait(reader, 0.01)  # what is imported and started the first time is none of it
        cpu, wall = process_time_ns(), perf_counter_ns()
        wait(reader, options.seconds)
        used = (process_time_ns() - cpu) / (perf_counter_ns() - wall) * 100
    done.set()
    writer.join()
    print(json.dumps({"value": used, "unit": "% of a core"}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    kinds = {"openclose": open_close, **dict.fromkeys(WAITS, idle)}
    parser.add_argument("kind", choices=kinds)
    parser.add_argument("--capacity", type=int, default=65536)
    parser.add_argument("--seconds", type=float, default=0.2)
    parser.add_argument("--wait", default="hybrid")
    options = parser.parse_args()
    kinds[options.kind](options)


if __name__ == "__main__":
    sys.exit(main())
