"""What every Python contestant goes through, and nothing that only one of them needs.

A contestant is a subclass of `Contestant` in a file of its own, which ends in `main(TheClass)`. Its
constructor runs before the fork, `attach` after it in both processes; the methods it does not have,
it does not offer. The parent, on core 0, is the initiator: it starts the round trips and receives
what goes one way. The child, on core 1, answers and sends. One line of JSON comes out; exit code 77
says that the contestant is not installed, or cannot do this.

Messages carry their number. One way, the receiver counts all of them and compares the last of each
block of 256, so that one lost, doubled or out of place shows; comparing each would cost more than
some contestants take for a message. Large ones carry it at both ends, and each is compared. Those
of 0 bytes can only be counted.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import sys
from collections.abc import Callable
from itertools import repeat
from multiprocessing import get_context
from threading import Thread
from time import perf_counter_ns
from typing import Any

NOT_OFFERED = 77
BLOCK = 256  # messages between two checks, one way
FEWEST = 4  # messages in a section that counts
SMALL_DICT = {"frame": 0, "exposure": 0.01, "name": "camera-1", "ok": True}


class NotOffered(Exception):
    """This contestant is not installed, or cannot do what was asked."""


class Contestant:
    """What a contestant may offer. `initiator` says on which side of the pair this is."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options

    def attach(self, initiator: bool) -> None: ...

    def detach(self) -> None: ...

    send: Callable[[bytes], object]
    recv: Callable[[], bytes]
    send_many: Callable[[list[bytes]], object]
    recv_many: Callable[[int], list[bytes]]  # at least one, at most so many
    send_array: Callable[[Any], object]
    recv_array: Callable[[Any], Any]  # given an array to fill; returns the one that holds the data
    send_object: Callable[[object], object]
    recv_object: Callable[[], Any]


NEEDS = {
    "roundtrip": ("send", "recv"),
    "oneway": ("send", "recv"),
    "large": ("send", "recv"),
    "batch": ("send_many", "recv_many"),
    "array": ("send_array", "recv_array"),
    "object": ("send_object", "recv_object"),
}


def unique_name(suffix: str = "") -> str:
    """The same in both processes when called before the fork."""
    return f"smipc-bench-{os.getpid()}{suffix}"


def numbered_messages(size: int, count: int = BLOCK) -> list[bytes]:
    numbers = [number.to_bytes(8, "little") for number in range(count)]
    return [(number + b"\x5a" * (size - 8))[:size] for number in numbers]


def fail(why: str) -> None:
    print(why, file=sys.stderr)
    os._exit(1)


# ---- The sections, one pair of functions for each kind -----------------------------------------
# `measure` runs in the initiator and returns (messages, elapsed ns, block means in ns);
# `serve` runs in the responder. Both get the same count.


def measure_roundtrip(it: Contestant, count: int, block: int) -> tuple[int, int, list[float]]:
    send, recv = it.send, it.recv
    messages = numbered_messages(it.options.size, block)
    times = []
    began = perf_counter_ns()
    for _ in range(count // block):
        start = perf_counter_ns()
        for message in messages:
            send(message)
            answer = recv()
        times.append((perf_counter_ns() - start) / block)
        if answer != message:
            fail("an answer that does not belong to its question")
    return count, perf_counter_ns() - began, times


def serve_roundtrip(it: Contestant, count: int) -> None:
    send, recv = it.send, it.recv
    for _ in repeat(None, count):
        send(recv())


def measure_oneway(it: Contestant, count: int, block: int) -> tuple[int, int, list[float]]:
    recv = it.recv
    last = numbered_messages(it.options.size)[-1]
    blocks = count // BLOCK
    began = 0
    for done in range(blocks):
        for _ in repeat(None, BLOCK - 1):
            recv()
        if recv() != last:
            fail(f"block {done} does not end in its last message")
        if done == 0:
            began = perf_counter_ns()
    return (blocks - 1) * BLOCK, perf_counter_ns() - began, []


def serve_oneway(it: Contestant, count: int) -> None:
    send = it.send
    messages = numbered_messages(it.options.size)
    for _ in repeat(None, count // BLOCK):
        for message in messages:
            send(message)


def measure_large(it: Contestant, count: int, block: int) -> tuple[int, int, list[float]]:
    recv, size = it.recv, it.options.size
    began = 0
    for number in range(count):
        message, sent = recv(), number.to_bytes(8, "little")
        if message[:8] != sent or message[-8:] != sent or len(message) != size:
            fail(f"message {number} is not in its place, or not whole")
        if number == 0:
            began = perf_counter_ns()
    return count - 1, perf_counter_ns() - began, []


def serve_large(it: Contestant, count: int) -> None:
    send = it.send
    message = bytearray(b"\x5a" * it.options.size)
    for number in range(count):
        message[:8] = message[-8:] = number.to_bytes(8, "little")
        send(message)


def measure_batch(it: Contestant, count: int, block: int) -> tuple[int, int, list[float]]:
    recv_many, limit = it.recv_many, it.options.batch
    messages = numbered_messages(it.options.size)
    got = first = began = 0
    while got < count:
        batch = recv_many(limit)
        got += len(batch)
        if batch[-1] != messages[(got - 1) % BLOCK]:
            fail(f"message {got - 1} is not in its place")
        if began == 0:
            began, first = perf_counter_ns(), got
    return got - first, perf_counter_ns() - began, []


def serve_batch(it: Contestant, count: int) -> None:
    send_many, batch = it.send_many, it.options.batch
    messages = numbered_messages(it.options.size)
    batches = [messages[at : at + batch] for at in range(0, BLOCK, batch)]
    for _ in repeat(None, count // BLOCK):
        for some in batches:
            send_many(some)


def measure_array(it: Contestant, count: int, block: int) -> tuple[int, int, list[float]]:
    import numpy as np

    out = np.zeros(it.options.size // 4, np.float32)
    began = 0
    for number in range(count):
        array = it.recv_array(out)
        if array[0] != number or array[-1] != number or array.nbytes != out.nbytes:
            fail(f"array {number} came as {array[0]}..{array[-1]}, {array.nbytes} B")
        if number == 0:
            began = perf_counter_ns()
    return count - 1, perf_counter_ns() - began, []


def serve_array(it: Contestant, count: int) -> None:
    import numpy as np

    array = np.ones(it.options.size // 4, np.float32)
    for number in range(count):
        array[0] = array[-1] = number
        it.send_array(array)


def measure_object(it: Contestant, count: int, block: int) -> tuple[int, int, list[float]]:
    recv = it.recv_object
    began = 0
    for number in range(count):
        if recv()["frame"] != number:
            fail(f"object {number} is not in its place")
        if number == 0:
            began = perf_counter_ns()
    return count - 1, perf_counter_ns() - began, []


def serve_object(it: Contestant, count: int) -> None:
    send = it.send_object
    for number in range(count):
        # A new one each time: some contestants pickle later, in another thread.
        send({**SMALL_DICT, "frame": number})


MEASURE = {kind: globals()[f"measure_{kind}"] for kind in NEEDS}
SERVE = {kind: globals()[f"serve_{kind}"] for kind in NEEDS}


# ---- The frame around them ---------------------------------------------------------------------


def section_size(kind: str, count: int, block: int) -> int:
    """`count` made to fit the kind: whole blocks, two at least where the first is not timed."""
    if kind == "roundtrip":
        return max(count // block, 1) * block
    if kind in ("oneway", "batch"):
        return max(count // BLOCK, 2) * BLOCK
    return max(count, 2)


def choose_sections(
    kind: str, seconds: float, run: Callable[[int, int], tuple[int, int, list[float]]]
) -> tuple[int, int, list[float]]:
    """Sections of growing length, until one lasts long enough to count. The others warm up."""
    target = seconds * 1e9
    count, block = 2 if kind == "large" else 16, 1
    while True:
        messages, elapsed, times = run(section_size(kind, count, block), block)
        elapsed = max(elapsed, 1)
        if elapsed >= 0.6 * target and messages >= FEWEST:
            return messages, elapsed, times
        block = 1 if elapsed / messages > 20_000 else 16
        count = max(int(count * min(max(target / elapsed, 1.2), 8)), FEWEST) + 1


def report(options: argparse.Namespace, messages: int, elapsed: int, times: list[float]) -> None:
    seconds = elapsed / 1e9
    result: dict[str, object] = {"messages": messages, "seconds": round(seconds, 6)}
    if times:
        times.sort()
        at = {f"p{q}": times[int(q / 100 * (len(times) - 1))] for q in (10, 90, 99)}
        result |= {"value": statistics.median(times), "unit": "ns", **at}
    else:
        rate = messages / seconds
        result |= {
            "value": rate,
            "unit": "messages/s",
            "bytes_per_second": rate * options.size,
        }
    print(json.dumps(result), flush=True)


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=[*NEEDS, "async"])
    parser.add_argument("--size", type=int, default=64, help="bytes of a message")
    parser.add_argument("--capacity", type=int, default=1 << 20, help="bytes in flight")
    parser.add_argument("--batch", type=int, default=64, help="messages in a call; divides 256")
    parser.add_argument("--seconds", type=float, default=0.3, help="of the timed section")
    parser.add_argument(
        "--wait", default="hybrid", help="spin, hybrid or block, if there is a choice"
    )
    parser.add_argument("--target", default="given", help="arrays: given, new or view")
    parser.add_argument("--responder-core", type=int, default=1, help="0: both share one")
    parser.add_argument("--busy-threads", type=int, default=0, help="in each process, computing")
    return parser.parse_args()


def main(contestant_class: type[Contestant]) -> None:
    options = parse_options()
    try:
        contestant = contestant_class(options)
        for name in NEEDS[options.kind]:
            if not hasattr(contestant_class, name):
                raise NotOffered(f"no {name.replace('_', ' ')}")
    except ImportError as error:
        print(f"not installed ({error.name})", file=sys.stderr)
        sys.exit(NOT_OFFERED)
    except NotOffered as error:
        print(error, file=sys.stderr)
        sys.exit(NOT_OFFERED)
    run_pair(contestant, options)


def settle(options: argparse.Namespace, core: int) -> None:
    """In each of the two processes, before anything is measured."""
    os.sched_setaffinity(0, {core})
    for _ in range(options.busy_threads):
        Thread(target=compute, daemon=True).start()


def compute() -> None:
    number = 0
    while True:
        number = (number + 1) & 0xFFFF


def run_pair(contestant: Contestant, options: argparse.Namespace) -> None:
    context = get_context("fork")
    here, there = context.Pipe()
    child = context.Process(target=respond, args=(contestant, there, options))
    child.start()
    there.close()
    settle(options, 0)
    contestant.attach(True)
    here.recv()

    def run(count: int, block: int) -> tuple[int, int, list[float]]:
        here.send(count)
        return MEASURE[options.kind](contestant, count, block)

    gc.disable()
    outcome = choose_sections(options.kind, options.seconds, run)
    here.send(0)
    child.join()
    contestant.detach()
    if child.exitcode:
        fail(f"the responder ended with {child.exitcode}")
    report(options, *outcome)


def respond(contestant: Contestant, orders: Any, options: argparse.Namespace) -> None:
    settle(options, options.responder_core)
    contestant.attach(False)
    orders.send("ready")
    gc.disable()
    while count := orders.recv():
        SERVE[options.kind](contestant, count)
    contestant.detach()
