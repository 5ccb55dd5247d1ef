"""`smipc bench`: starts a second process, and measures round trips and rates with it.

This process measures; bench_peer, the other, answers and sends. Nothing is pinned or tuned: these
are two Python programs as a user has them. The long benchmarks, against others, are in bench/.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

import smipc
from smipc import CHAN_R, CHAN_W, Channel, OppositeEndClosedError
from smipc.bench_messages import (
    ANSWER,
    DONE,
    END,
    LARGEST_IN_LISTS,
    SEND,
    SEND_LISTS,
    WrongMessageError,
    block_of,
    open_end,
)
from smipc.bench_percentiles import Percentiles, percentiles_of
from smipc.bench_sections import lists, one_way, round_trips
from smipc.cli_children import python_command

# Shares of the time.
_ROUND_TRIPS = 2
_ONE_WAY = 1
_WARM_UP = 0.1  # of each section

# How long the second process may take to end when its channels or pipes have.
_GRACE_SECONDS = 5.0


class BenchError(OSError):
    """The benchmark cannot be run, or came to no result."""


@dataclass(frozen=True)
class Options:
    sizes: list[int]
    seconds: float  # all sections together
    capacity: int
    wait: str


@dataclass(frozen=True)
class Rate:
    messages_per_second: float
    gigabytes_per_second: float


@dataclass(frozen=True)
class SizeResult:
    """What was measured with messages of one size."""

    size: int
    round_trip: Percentiles
    one_way: Rate
    lists: Rate | None  # None: these messages are too large for that


class Session:
    """This process's ends of the two channels, and the process at the others."""

    def __init__(self, process: subprocess.Popen[bytes], out: Channel, into: Channel) -> None:
        self._process = process
        self._out = out
        self._into = into
        self._expect("ready")

    @property
    def pid(self) -> int:
        """The second process's."""
        return self._process.pid

    def measure(self, options: Options) -> list[SizeResult]:
        """BenchError, when the second process ends or a message is wrong; SmipcError."""
        weights = sum(_ROUND_TRIPS + _ONE_WAY * (1 + _in_lists(size)) for size in options.sizes)
        unit = round(options.seconds * 1e9 / weights)
        with self._explained():
            return [
                self._measure_size(block_of(size, options.capacity), unit) for size in options.sizes
            ]

    def finish(self) -> None:
        """Lets the second process go, and sees it end well."""
        with self._explained():
            self._order(DONE, 0, 0)
            if self._wait_for_end() != 0:
                raise self._gone()

    def _measure_size(self, block: list[bytes], unit: int) -> SizeResult:
        size = len(block[0])
        times = self._measure_round_trips(block, _ROUND_TRIPS * unit)
        single = self._measure_one_way(SEND, block, _ONE_WAY * unit)
        listed = None
        if _in_lists(size):
            listed = self._measure_one_way(SEND_LISTS, block, _ONE_WAY * unit)
        return SizeResult(size, times, single, listed)

    def _measure_round_trips(self, block: list[bytes], nanoseconds: int) -> Percentiles:
        send, recv = self._out.send, self._into.recv
        self._order(ANSWER, len(block[0]), 0)
        round_trips(send, recv, block, round(_WARM_UP * nanoseconds))
        times = round_trips(send, recv, block, nanoseconds)
        send(END)
        return percentiles_of(times)

    def _measure_one_way(self, kind: str, block: list[bytes], nanoseconds: int) -> Rate:
        for duration in (_WARM_UP * nanoseconds, nanoseconds):
            self._order(kind, len(block[0]), round(duration))
            if kind == SEND:
                passed = one_way(self._into.recv, block)
            else:
                passed = lists(self._into.recv_many, block)
            self._expect(f"sent {passed.received}")
        return Rate(passed.per_second, passed.per_second * len(block[0]) / 1e9)

    # ---- The second process

    def _order(self, kind: str, size: int, nanoseconds: int) -> None:
        try:
            _pipe(self._process.stdin).write(f"{kind} {size} {nanoseconds}\n".encode())
        except OSError:  # not as it is: the command would take it for its own output's
            raise self._gone() from None

    def _expect(self, words: str) -> None:
        line = _pipe(self._process.stdout).readline().decode()
        if not line:
            raise self._gone()
        if line.split() != words.split():
            raise BenchError(f"messages were lost: {words!r} was due, and {line.strip()!r} came")

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Says what has become of the second process, and not of a channel that nobody knows."""
        try:
            yield
        except OppositeEndClosedError:
            raise self._gone() from None
        except WrongMessageError as error:
            raise BenchError(str(error)) from None
        except MemoryError:
            raise BenchError("there is not enough memory for messages of this size") from None

    def _wait_for_end(self) -> int | None:
        try:
            return self._process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            return None

    def _gone(self) -> BenchError:
        code = self._wait_for_end()
        if code is None:
            how = "no longer does its part"
        elif code < 0:
            how = f"was killed by signal {-code}"
        else:
            how = f"has ended with exit code {code}"
        return BenchError(f"the second process (pid {self.pid}) {how}: there is no result")


@contextlib.contextmanager
def session(options: Options) -> Iterator[Session]:
    """Starts the second process, which does not outlive the block, nor do the channels."""
    name = f"smipc-bench-{os.getpid()}-{secrets.token_hex(4)}"
    capacity, wait = options.capacity, options.wait
    with (
        _removed_at_end(f"{name}-there", f"{name}-back"),
        open_end(f"{name}-there", CHAN_W, capacity, wait) as out,
        open_end(f"{name}-back", CHAN_R, capacity, wait) as into,
        _process([*python_command("bench_peer"), name, str(capacity), wait]) as process,
    ):
        yield Session(process, out, into)


@contextlib.contextmanager
def _process(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A child that does not outlive the block."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, bufsize=0, stdin=pipe, stdout=pipe, **_out_of_reach_of_ctrl_c()
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def _out_of_reach_of_ctrl_c() -> dict[str, Any]:
    """A group of its own: this process ends it, and only one of them has to say something."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    if sys.version_info >= (3, 11):
        return {"process_group": 0}
    return {"preexec_fn": os.setpgrp}


@contextlib.contextmanager
def _removed_at_end(*names: str) -> Iterator[None]:
    try:
        yield
    finally:
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                smipc.unlink(name)


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe


def _in_lists(size: int) -> bool:
    return size <= LARGEST_IN_LISTS
