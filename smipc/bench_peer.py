"""The second process of `smipc bench`: answers and sends, and measures nothing.

Started with the name of the channels, their capacity and how to wait. It says "ready" on standard
output, then takes orders from standard input, one a line: ANSWER, SEND or SEND_LISTS (of
bench_messages), the size of the messages, and for how many nanoseconds to send; or DONE. After each
order to send it says how many it has sent. If the other process has gone it ends without a word.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from time import perf_counter_ns

from smipc import CHAN_R, CHAN_W, Channel, OppositeEndClosedError, SmipcError
from smipc.bench_messages import ANSWER, DONE, END, SEND_LISTS, block_of, open_end

_FEWEST_BLOCKS = 2  # the first is not timed


class _OtherGoneError(Exception):
    """The process that gives the orders has ended."""


def main(arguments: list[str]) -> int:
    name, capacity_text, wait = arguments
    capacity = int(capacity_text)
    try:
        with (
            open_end(f"{name}-there", CHAN_R, capacity, wait) as into,
            open_end(f"{name}-back", CHAN_W, capacity, wait) as out,
        ):
            try:
                _obey(capacity, into, out)
            except (_OtherGoneError, OppositeEndClosedError):
                _outlast(into, out)
    except (OSError, SmipcError) as error:
        print(f"smipc bench: the second process: {error}", file=sys.stderr)
        return 1
    except MemoryError:
        print("smipc bench: the second process: out of memory", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _obey(capacity: int, into: Channel, out: Channel) -> None:
    _say("ready")
    while True:
        kind, size, nanoseconds = _next_order()
        if kind == DONE:
            return
        if kind == ANSWER:
            _answer(into.recv, out.send)
        else:
            sent = _send(kind, block_of(int(size), capacity), int(nanoseconds), out)
            _say(f"sent {sent}")


def _outlast(into: Channel, out: Channel) -> None:
    """Waits until the other process's ends are free, too.

    The system frees what a killed process had in some order. If this process closed its ends while
    the other's still counted as held, nobody would remove the channels. An end that the other has
    never opened, as this process came too late, is not waited for.
    """
    with contextlib.suppress(OppositeEndClosedError):
        while into.status().writer_state != "absent":
            into.recv()
    with contextlib.suppress(OppositeEndClosedError):
        while out.status().reader_state != "absent":
            out.send(END)


def _say(line: str) -> None:
    try:
        os.write(sys.stdout.fileno(), f"{line}\n".encode())  # leaves nothing for later to flush
    except OSError:
        raise _OtherGoneError from None


def _next_order() -> list[str]:
    line = sys.stdin.readline()
    if not line:
        raise _OtherGoneError
    return line.split()


def _answer(recv: Callable[[], bytes], send: Callable[[bytes], None]) -> None:
    for message in iter(recv, END):
        send(message)


def _send(kind: str, block: list[bytes], nanoseconds: int, out: Channel) -> int:
    """Sends blocks, each message with a call or each block as a list, and END; returns how many
    messages that were."""
    send, send_many = out.send, out.send_many
    in_lists = kind == SEND_LISTS
    sent = 0
    until = perf_counter_ns() + nanoseconds
    while sent < _FEWEST_BLOCKS * len(block) or perf_counter_ns() < until:
        if in_lists:
            send_many(block)
        else:
            for message in block:
                send(message)
        sent += len(block)
    send(END)
    return sent


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
