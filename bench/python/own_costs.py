"""What a smipc channel costs besides its messages, from Python. One kind a run, one line of JSON:
openclose: open + close of the only end, which creates the segment and removes it each time, in us;
idle: CPU of a reader that waits for --seconds, in % of a core."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from multiprocessing import get_context
from time import perf_counter_ns, process_time_ns

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


def idle(options: argparse.Namespace) -> None:
    name = unique_name()
    context = get_context("fork")
    ready, done = context.Event(), context.Event()
    writer = context.Process(target=hold_writer, args=(name, ready, done))
    writer.start()
    ready.wait()
    os.sched_setaffinity(0, {0})
    with smipc.open_channel(name, smipc.CHAN_R, framing="message", wait=options.wait) as reader:
        cpu, wall = process_time_ns(), perf_counter_ns()
        try:
            reader.recv(timeout=options.seconds)
        except TimeoutError:
            pass
        else:
            fail("a message came")
        used = (process_time_ns() - cpu) / (perf_counter_ns() - wall) * 100
    done.set()
    writer.join()
    print(json.dumps({"value": used, "unit": "% of a core"}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    kinds = {"openclose": open_close, "idle": idle}
    parser.add_argument("kind", choices=kinds)
    parser.add_argument("--capacity", type=int, default=65536)
    parser.add_argument("--seconds", type=float, default=0.2)
    parser.add_argument("--wait", default="hybrid")
    options = parser.parse_args()
    kinds[options.kind](options)


if __name__ == "__main__":
    sys.exit(main())
