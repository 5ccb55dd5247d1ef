"""`smipc demo`: starts a sender and a receiver, follows what the receiver says, and sums up.

The two processes do the work (demo_sender, demo_receiver, in C++ or Python); nothing here touches
a channel but to remove its name at the end, in case they were killed.
"""

from __future__ import annotations

import contextlib
import os
import queue
import secrets
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

import smipc
from smipc import demo_build
from smipc.cli_children import python_command
from smipc.demo_files import Listing

LANGUAGES = ("py-py", "cpp-py", "py-cpp", "cpp-cpp")  # sender-receiver

_DEFAULT_CAPACITY = 256 * 1024
_SMALLEST_CAPACITY = 128  # of the default: a ping fits
# How long one half may go on after the other has ended: to print its result, or, when the other
# has failed, to say that it noticed.
_GRACE_SECONDS = 10.0
_GRACE_AFTER_FAILURE = 1.0


class DemoError(OSError):
    """The demo cannot be run, or came to no result."""


class View(Protocol):
    """Shows how far the receiver is."""

    def update(self, files: int, size: int) -> None: ...


@dataclass
class Result:
    """What was transferred, what was wrong with it, and how long the parts took."""

    folder: str
    languages: str
    capacity_bytes: int
    largest_file_bytes: int
    files_expected: int
    files: int
    bytes: int
    transfer_seconds: float
    gigabytes_per_second: float
    read_seconds: float
    hash_seconds: float
    check_seconds: float
    round_trip_p50_ns: int
    round_trip_p99_ns: int
    rounds: int
    bad: list[dict[str, str]] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.bad and self.files == self.files_expected


def default_languages() -> str:
    return "cpp-py" if demo_build.can_have_programs() else "py-py"


def default_capacity(listing: Listing) -> int:
    """Smaller than the largest file, so that it has to pass in pieces, and small enough for L2."""
    return max(_SMALLEST_CAPACITY, min(_DEFAULT_CAPACITY, listing.largest // 2))


def run(listing: Listing, languages: str, capacity: int, fault: str, view: View) -> Result:
    """Sends every file of the listing once. `fault` is passed on to the sender, for tests."""
    sender_language, receiver_language = languages.split("-")
    channel = f"smipc-demo-{os.getpid()}-{secrets.token_hex(4)}"
    with tempfile.TemporaryDirectory(prefix="smipc-demo-") as folder, _removed_at_end(channel):
        list_path = Path(folder, "files")
        list_path.write_bytes(b"".join(name + b"\0" for name in listing.names))
        receiver = [channel, str(list_path), str(capacity)]
        sender = [channel, listing.folder, str(list_path), str(capacity), *([fault] * bool(fault))]
        lines = _run_both(
            _command("demo_receiver", receiver_language) + receiver,
            _command("demo_sender", sender_language) + sender,
            folder,
            view,
        )
    return _result(listing, languages, capacity, lines)


# ---- The two processes ---------------------------------------------------------------------------


def _command(name: str, language: str) -> list[str]:
    if language == "cpp":
        return [demo_build.program(name)]
    return python_command(name)


@dataclass
class _Lines:
    """What the two have printed: their figures, and the files that were bad."""

    sender: dict[str, int] = field(default_factory=dict)
    receiver: dict[str, int] = field(default_factory=dict)
    bad: list[tuple[int, str]] = field(default_factory=list)


def _run_both(receiver: list[str], sender: list[str], folder: str, view: View) -> _Lines:
    lines = _Lines()
    with _process(receiver, folder) as receiving, _process(sender, folder) as sending:
        processes = {"receiver": receiving, "sender": sending}
        _follow(processes, lines, view)
        codes = {name: process.poll() for name, process in processes.items()}
    # Files that differ are a result (the receiver then exits with 1); all else is a failure.
    if not (lines.receiver and lines.sender):
        ended = [f"the {name} ended with {code}" for name, code in codes.items() if code]
        raise DemoError(" and ".join(ended) or "one half has ended and the other goes on waiting")
    return lines


def _follow(processes: dict[str, subprocess.Popen[str]], lines: _Lines, view: View) -> None:
    """Until both have ended, or one has and the other has had time enough to see that."""
    said: queue.SimpleQueue[tuple[str, str | None]] = queue.SimpleQueue()
    for name, process in processes.items():
        assert process.stdout is not None
        threading.Thread(target=_forward, args=(name, process.stdout, said), daemon=True).start()
    running = set(processes)
    deadline: float | None = None
    while running:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        try:
            name, line = said.get(timeout=left)
        except queue.Empty:
            return
        if line is None:
            running.discard(name)
            failed = processes[name].wait() != 0
            grace = _GRACE_AFTER_FAILURE if failed else _GRACE_SECONDS
            deadline = time.monotonic() + grace
        else:
            _note(line, lines, view)


@contextlib.contextmanager
def _process(command: list[str], folder: str) -> Iterator[subprocess.Popen[str]]:
    """A child that works in `folder` and does not outlive the block."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def _forward(name: str, stream: IO[str], said: queue.SimpleQueue[tuple[str, str | None]]) -> None:
    for line in stream:
        said.put((name, line))
    said.put((name, None))


def _note(line: str, lines: _Lines, view: View) -> None:
    kind, *pairs = line.split()
    values = dict(pair.split("=", 1) for pair in pairs)
    if kind == "progress":
        view.update(int(values["files"]), int(values["bytes"]))
    elif kind == "bad":
        lines.bad.append((int(values["index"]), values["what"]))
    elif kind in ("sender", "receiver"):
        getattr(lines, kind).update({name: int(value) for name, value in values.items()})


@contextlib.contextmanager
def _removed_at_end(channel: str) -> Iterator[None]:
    try:
        yield
    finally:
        for name in (channel, f"{channel}-back"):
            with contextlib.suppress(FileNotFoundError):
                smipc.unlink(name)


# ---- The sum -------------------------------------------------------------------------------------


def _result(listing: Listing, languages: str, capacity: int, lines: _Lines) -> Result:
    receiver, sender = lines.receiver, lines.sender
    return Result(
        folder=listing.folder,
        languages=languages,
        capacity_bytes=capacity,
        largest_file_bytes=listing.largest,
        files_expected=len(listing.names),
        files=receiver["files"],
        bytes=receiver["bytes"],
        transfer_seconds=receiver["transfer_ns"] / 1e9,
        gigabytes_per_second=receiver["bytes"] / max(1, receiver["transfer_ns"]),
        read_seconds=sender["read_ns"] / 1e9,
        hash_seconds=sender["hash_ns"] / 1e9,
        check_seconds=receiver["check_ns"] / 1e9,
        round_trip_p50_ns=receiver["rtt_p50_ns"],
        round_trip_p99_ns=receiver["rtt_p99_ns"],
        rounds=receiver["rounds"],
        bad=[{"name": os.fsdecode(listing.names[i]), "what": what} for i, what in lines.bad],
    )
