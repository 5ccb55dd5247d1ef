"""The receiving half of `smipc demo` in Python; examples/cpp/demo_receiver.cpp is the same in C++.

python -m smipc.demo_receiver CHANNEL LIST CAPACITY
"""

from __future__ import annotations

import hashlib
import sys
from time import perf_counter_ns

from smipc import CHAN_R, CHAN_W, Channel, SmipcError
from smipc.demo_protocol import (
    PING_BYTES,
    TIMED_ROUNDS,
    WARM_UP_ROUNDS,
    Entry,
    open_back,
    open_files,
    read_list,
    unpack_manifest,
)


class Receiver:
    """Takes files off the channel, checks them, and times pings."""

    def __init__(self, files: Channel, back: Channel, names: list[bytes]) -> None:
        self.files = files
        self.back = back
        self.index_of = {name: index for index, name in enumerate(names)}
        self.arena = bytearray()
        self.missing = set(range(len(names)))
        self.round_trips: list[int] = []
        self.files_checked = self.bytes_checked = self.bad = 0
        self.transfer_ns = self.check_ns = 0

    def receive_all(self) -> None:
        while entries := unpack_manifest(self.files.recv()):
            self._check(entries, self._take(entries))
            print(f"progress files={self.files_checked} bytes={self.bytes_checked}", flush=True)
        for index in sorted(self.missing):
            self._report(index, "missing")

    def ping(self) -> None:
        send, recv = self.back.send, self.files.recv
        ping = b"\x5a" * PING_BYTES
        for _ in range(WARM_UP_ROUNDS + TIMED_ROUNDS):
            start = perf_counter_ns()
            send(ping)
            pong = recv()
            self.round_trips.append(perf_counter_ns() - start)
            if pong != ping:
                raise ValueError("a ping came back changed")
        send(b"")
        self.round_trips = sorted(self.round_trips[WARM_UP_ROUNDS:])

    def line(self) -> str:
        count = len(self.round_trips)
        return (
            f"receiver files={self.files_checked} bytes={self.bytes_checked} "
            f"transfer_ns={self.transfer_ns} check_ns={self.check_ns} rounds={count} "
            f"rtt_p50_ns={self.round_trips[count * 50 // 100]} "
            f"rtt_p99_ns={self.round_trips[count * 99 // 100]} bad={self.bad}"
        )

    def _take(self, entries: list[Entry]) -> list[memoryview]:
        """Timed: from the go until the last byte of the batch is in this process's memory."""
        total = sum(entry.size for entry in entries)
        if len(self.arena) < total:
            self.arena = bytearray(total)
        places = []
        used = 0
        with memoryview(self.arena) as arena:
            for entry in entries:
                places.append(arena[used : used + entry.size])
                used += entry.size

        recv_into = self.files.recv_into
        start = perf_counter_ns()
        self.back.send(b"")
        sizes = [recv_into(place) for place in places]
        self.transfer_ns += perf_counter_ns() - start
        return [place[:size] for place, size in zip(places, sizes, strict=True)]

    def _check(self, entries: list[Entry], contents: list[memoryview]) -> None:
        start = perf_counter_ns()
        for entry, content in zip(entries, contents, strict=True):
            index = self.index_of[entry.name]
            self.missing.discard(index)
            if len(content) != entry.size:
                self._report(index, "size")
            elif hashlib.sha256(content).digest() != entry.digest:
                self._report(index, "digest")
            self.files_checked += 1
            self.bytes_checked += len(content)
        self.check_ns += perf_counter_ns() - start

    def _report(self, index: int, what: str) -> None:
        self.bad += 1
        print(f"bad index={index} what={what}", flush=True)


def main(arguments: list[str]) -> int:
    channel, list_path, capacity = arguments
    try:
        with (
            open_files(channel, CHAN_R, int(capacity)) as files,
            open_back(channel, CHAN_W) as back,
        ):
            receiver = Receiver(files, back, read_list(list_path))
            receiver.receive_all()
            receiver.ping()
            print(receiver.line(), flush=True)
    except (OSError, SmipcError, ValueError) as error:
        print(f"demo_receiver: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 1 if receiver.bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
