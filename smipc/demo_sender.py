"""The sending half of `smipc demo` in Python; examples/cpp/demo_sender.cpp is the same in C++.

python -m smipc.demo_sender CHANNEL FOLDER LIST CAPACITY [FAULT:INDEX]
"""

from __future__ import annotations

import hashlib
import os
import sys
from time import perf_counter_ns

from smipc import CHAN_R, CHAN_W, Channel, SmipcError
from smipc.demo_protocol import (
    BATCH_BYTES,
    Entry,
    open_back,
    open_files,
    pack_manifest,
    read_list,
)


class Sender:
    """Reads and hashes files batch by batch and sends their contents as messages."""

    def __init__(self, files: Channel, back: Channel, folder: bytes, fault: str) -> None:
        self.files = files
        self.back = back
        self.folder = folder
        kind, _, index = fault.partition(":")
        self.fault = (kind, int(index)) if index else ("", -1)
        self.entries: list[Entry] = []
        self.contents: list[bytes] = []
        self.files_sent = self.bytes_sent = self.read_ns = self.hash_ns = 0

    def send_all(self, names: list[bytes]) -> None:
        batch_bytes = 0
        for index, name in enumerate(names):
            if self.fault == ("skip", index):
                continue
            batch_bytes += self._add(name, index)
            if batch_bytes >= BATCH_BYTES:
                self._send_batch()
                batch_bytes = 0
        if self.entries:
            self._send_batch()
        self.files.send(b"")

    def answer_pings(self) -> None:
        while ping := self.back.recv():
            self.files.send(ping)

    def line(self) -> str:
        return (
            f"sender files={self.files_sent} bytes={self.bytes_sent} "
            f"read_ns={self.read_ns} hash_ns={self.hash_ns}"
        )

    def _add(self, name: bytes, index: int) -> int:
        start = perf_counter_ns()
        with open(os.path.join(self.folder, name), "rb", buffering=0) as file:
            content = file.read()
        middle = perf_counter_ns()
        digest = hashlib.sha256(content).digest()
        self.hash_ns += perf_counter_ns() - middle
        self.read_ns += middle - start

        if self.fault == ("flip", index) and content:
            place = len(content) // 2
            content = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        self.entries.append(Entry(len(content), digest, name))
        self.contents.append(content)
        return len(content)

    def _send_batch(self) -> None:
        self.files.send(pack_manifest(self.entries))
        self.back.recv()  # go
        send = self.files.send
        for content in self.contents:
            send(content)
        self.files_sent += len(self.contents)
        self.bytes_sent += sum(map(len, self.contents))
        self.entries.clear()
        self.contents.clear()


def main(arguments: list[str]) -> int:
    channel, folder, list_path, capacity, *fault = arguments
    try:
        with (
            open_files(channel, CHAN_W, int(capacity)) as files,
            open_back(channel, CHAN_R) as back,
        ):
            sender = Sender(files, back, os.fsencode(folder), fault[0] if fault else "")
            sender.send_all(read_list(list_path))
            sender.answer_pings()
            print(sender.line(), flush=True)
    except (OSError, SmipcError) as error:
        print(f"demo_sender: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
