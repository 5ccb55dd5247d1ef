"""Pushes a second of one writer on core 0 into a buffer that keeps the newest items, while
--readers processes on core 1 take what they can, and check that it is in order.

A contestant is a subclass of `Contestant`, whose constructor runs before the fork. Items are
integers of 64 bits, counted up from 1; a 0 is the last one. Kind "push": one a call, big-endian;
"arrays": numpy arrays of --batch, in the machine's order. One line of JSON comes out; exit code 77
says that the contestant is not installed, or cannot do this.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import time
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from time import perf_counter_ns
from typing import Any

from harness import NOT_OFFERED, NotOffered, fail

IN_A_ROW = 1000
IDLE_SECONDS = 2e-6  # of a reader that found nothing


class Contestant:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options

    def open_writer(self) -> None: ...

    def open_reader(self) -> None: ...

    def close(self) -> None: ...

    push: Callable[[int], object]
    push_array: Callable[[Any], object]
    take: Callable[[], Any]  # integers, or none


def read_all(contestant: Contestant, ready: Connection) -> None:
    os.sched_setaffinity(0, {1})
    contestant.open_reader()
    ready.send("ready")
    take, last = contestant.take, 0
    while True:
        items = take()
        if not len(items):
            time.sleep(IDLE_SECONDS)
            continue
        if items[-1] == 0:
            break
        if items[0] <= last:
            fail(f"item {items[0]} is out of place")
        last = items[-1]
    contestant.close()


def push_for(contestant: Contestant, seconds: float, first: int) -> tuple[int, float]:
    """The next number, and pushes a second."""
    push, number = contestant.push, first
    began = now = perf_counter_ns()
    while now - began < seconds * 1e9:
        for item in range(number, number + IN_A_ROW):
            push(item)
        number += IN_A_ROW
        now = perf_counter_ns()
    return number, (number - first) / (now - began) * 1e9


def push_arrays_for(contestant: Contestant, seconds: float, first: int) -> tuple[int, float]:
    import numpy as np

    push, number = contestant.push_array, first
    batch = contestant.options.batch
    items = np.arange(first, first + batch, dtype="u8")
    began = now = perf_counter_ns()
    while now - began < seconds * 1e9:
        for _ in range(20):
            push(items)
            items += batch
        number += 20 * batch
        now = perf_counter_ns()
    return number, (number - first) / (now - began) * 1e9


KINDS = {"push": ("push", push_for), "arrays": ("push_array", push_arrays_for)}


def main(contestant_class: type[Contestant]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=list(KINDS))
    parser.add_argument("--capacity", type=int, default=1 << 16, help="bytes of all items")
    parser.add_argument("--batch", type=int, default=1024, help="items of an array")
    parser.add_argument("--readers", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0.2)
    options = parser.parse_args()
    method, measure = KINDS[options.kind]
    try:
        contestant = contestant_class(options)
        if not hasattr(contestant, method):
            raise NotOffered(f"no {method.replace('_', ' ')}")
    except (ImportError, NotOffered) as error:
        print(f"not installed ({error})", file=sys.stderr)
        sys.exit(NOT_OFFERED)
    run(contestant, options, measure)


def run(contestant: Contestant, options: argparse.Namespace, measure: Any) -> None:
    context = get_context("fork")
    pipes = [context.Pipe() for _ in range(options.readers)]
    readers = [context.Process(target=follow, args=(contestant, there)) for _, there in pipes]
    for reader in readers:
        reader.start()
    os.sched_setaffinity(0, {0})
    contestant.open_writer()
    for here, _ in pipes:
        here.send("there is a buffer")
        here.recv()
    gc.disable()
    number, _ = measure(contestant, options.seconds / 4, 1)
    number, rate = measure(contestant, options.seconds, number)
    contestant.push(0)
    for reader in readers:
        reader.join()
    contestant.close()
    if any(reader.exitcode for reader in readers):
        fail("a reader failed")
    print(json.dumps({"value": rate, "unit": "messages/s", "bytes_per_second": rate * 8}))


def follow(contestant: Contestant, orders: Connection) -> None:
    orders.recv()
    gc.disable()
    read_all(contestant, orders)
