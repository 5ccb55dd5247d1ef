"""What child processes of test_ends.py do with their end of a channel until they are killed.

Each function runs in a process of its own and never returns. `ready` is sent something when the end
is open and what the function is about has begun. Started by `Victims`, which forks them from a
process that has imported everything already: fifty of them are there in a moment. Windows has to
spawn them.
"""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any

import smipc
from smipc import CHAN_R, CHAN_W, Channel

CAPACITY = 4000


def open_end(name: bytes, mode: int, framing: Any = "message") -> Channel:
    return smipc.open_channel(name, mode, CAPACITY, framing=framing).open()


def wait_to_be_killed() -> None:
    while True:
        time.sleep(3600)


# ---- Idle


def idle_writer(ready: Connection, name: bytes, framing: str = "message") -> None:
    channel = open_end(name, CHAN_W, framing)
    ready.send(channel.status().writer_pid)
    wait_to_be_killed()


def idle_reader(ready: Connection, name: bytes, framing: str = "message") -> None:
    channel = open_end(name, CHAN_R, framing)
    ready.send(channel.status().reader_pid)
    wait_to_be_killed()


# ---- Blocked in a call: the survivor sees in the status that it has begun to wait


def in_recv(ready: Connection, name: bytes) -> None:
    channel = open_end(name, CHAN_R)
    ready.send(None)
    while True:
        channel.recv()


def in_recv_with_a_writer(ready: Connection, name: bytes) -> None:
    back = open_end(name + b"-back", CHAN_W)
    in_recv(ready, name)
    back.close()


def in_send(ready: Connection, name: bytes) -> None:
    channel = open_end(name, CHAN_W)
    ready.send(None)
    while True:
        channel.send(bytes(1000))


def in_send_large(ready: Connection, name: bytes) -> None:
    channel = open_end(name, CHAN_W)
    ready.send(None)
    while True:
        channel.send(bytes(100_000))


def in_flush(ready: Connection, name: bytes) -> None:
    channel = open_end(name, CHAN_W)
    channel.send(b"x")
    ready.send(None)
    channel.flush()
    wait_to_be_killed()


def in_read(ready: Connection, name: bytes) -> None:
    channel = open_end(name, CHAN_R, "stream")
    ready.send(None)
    while True:
        channel.read(bytearray(100), 100, blocking=True)


def in_write(ready: Connection, name: bytes) -> None:
    channel = open_end(name, CHAN_W, "stream")
    ready.send(None)
    while True:
        channel.write(bytes(1000))


# ---- Traffic


def numbered(number: int) -> bytes:
    """Message `number`: of any size up to three times the channel, and not to be mistaken."""
    size = 8 + (number * 7919) % (3 * CAPACITY if number % 10 == 0 else 300)
    return (number.to_bytes(8, "little") * (size // 8 + 1))[:size]


def number_of(message: bytes) -> int:
    """The number of a message, which has to be what `numbered` made."""
    number = int.from_bytes(message[:8], "little")
    assert message == numbered(number), f"message {number} is damaged"
    return number


def send_from(ready: Connection, name: bytes, number: int) -> None:
    channel = open_end(name, CHAN_W)
    ready.send(None)
    while True:
        if number % 3 == 0:
            channel.send_many([numbered(number + i) for i in range(20)])
            number += 20
        else:
            channel.send(numbered(number))
            number += 1


def receive_and_tell(ready: Connection, name: bytes, out: Connection) -> None:
    channel = open_end(name, CHAN_R)
    ready.send(None)
    while True:
        out.send(number_of(channel.recv()))


class Victim:
    def __init__(self, process: Any, ready: Connection) -> None:
        self.process = process
        self.ready = ready
        self.killed_at = 0.0

    @property
    def pid(self) -> int:
        assert self.process.pid
        return int(self.process.pid)

    def kill(self) -> None:
        self.killed_at = time.perf_counter()
        self.process.kill()

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.process.close()
        self.ready.close()


class Victims:
    """Starts them; kills those that are left at the end."""

    def __init__(self) -> None:
        if sys.platform == "win32":
            self._context: Any = multiprocessing.get_context("spawn")
        else:
            self._context = multiprocessing.get_context("forkserver")
            self._context.set_forkserver_preload(["victims"])
        self._all: list[Victim] = []

    def start(self, target: Callable[..., None], *arguments: object) -> Victim:
        """Returns when the victim is ready."""
        ready, told = self._context.Pipe(duplex=False)
        process: Any = self._context.Process(target=target, args=(told, *arguments), daemon=True)
        process.start()
        told.close()
        victim = Victim(process, ready)
        self._all.append(victim)
        try:
            ready.recv()
        except EOFError:
            process.join()
            raise AssertionError(f"{target.__name__} has ended: {process.exitcode}") from None
        return victim

    def pipe(self) -> tuple[Connection, Connection]:
        """The reading and the writing end."""
        return self._context.Pipe(duplex=False)

    def end(self, victim: Victim) -> None:
        self._all.remove(victim)
        victim.end()

    def __enter__(self) -> Victims:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for victim in self._all:
            victim.end()
