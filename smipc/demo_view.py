"""How `smipc demo` looks: a progress bar on a terminal, plain lines on a pipe."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from collections.abc import Iterator

from smipc.demo import Result, View
from smipc.demo_files import Listing

_SENTENCES = {
    "digest": "arrived with other bytes than were sent",
    "size": "arrived with another size than was sent",
    "missing": "did not arrive",
}
_NAMES = {"py": "Python", "cpp": "C++"}


def headline(listing: Listing, languages: str, capacity: int) -> list[str]:
    sender, receiver = (_NAMES[language] for language in languages.split("-"))
    lines = [
        f"{len(listing.names):,} files, {megabytes(listing.total_bytes)}, under {listing.folder}",
        f"{sender} sender -> {receiver} receiver, channel of {capacity:,} bytes, "
        f"largest file {listing.largest:,} bytes",
    ]
    if listing.unreadable:
        lines.append(f"left out, because they cannot be read: {listing.unreadable:,}")
    return lines


def summary(result: Result) -> list[str]:
    lines = [
        f"files       {result.files:,} of {result.files_expected:,}",
        f"bytes       {result.bytes:,}",
        f"transfer    {result.gigabytes_per_second:.2f} GB/s  "
        f"({milliseconds(result.transfer_seconds)}; both copies, neither disk nor hash)",
        f"round trip  {microseconds(result.round_trip_p50_ns)} p50, "
        f"{microseconds(result.round_trip_p99_ns)} p99  ({result.rounds:,} rounds of 64 B)",
        f"besides     reading {milliseconds(result.read_seconds)}, "
        f"hashing {milliseconds(result.hash_seconds)}, "
        f"checking {milliseconds(result.check_seconds)}",
    ]
    lines += [f"WRONG       {bad['name']!r} {_SENTENCES[bad['what']]}" for bad in result.bad[:20]]
    if len(result.bad) > 20:
        lines.append(f"WRONG       and {len(result.bad) - 20:,} more")
    if result.ok:
        lines.append("result      every file arrived, and every SHA-256 is equal")
    else:
        lines.append(f"result      FAILED: {len(result.bad):,} files are wrong or missing")
    return lines


def megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:,.1f} ms"


def microseconds(nanoseconds: int) -> str:
    return f"{nanoseconds / 1e3:,.2f} us"


class SilentView:
    """For programs."""

    def update(self, files: int, size: int) -> None:
        pass


class PlainView:
    """A line at every tenth of the files."""

    def __init__(self, total_files: int) -> None:
        self._total = total_files
        self._tenths = 0

    def update(self, files: int, size: int) -> None:
        tenths = files * 10 // max(1, self._total)
        if tenths > self._tenths:
            self._tenths = tenths
            print(f"checked {files:,} of {self._total:,} files, {megabytes(size)}", flush=True)


class BarView:
    """A line that is written again and again: for terminals without rich and tqdm."""

    def __init__(self, total_files: int, total_bytes: int) -> None:
        self._total_files = total_files
        self._total_bytes = total_bytes

    def update(self, files: int, size: int) -> None:
        done = 40 * size // max(1, self._total_bytes)
        bar = "#" * min(40, done) + "." * max(0, 40 - done)
        print(f"\r[{bar}] {files:,} of {self._total_files:,} files", end="", flush=True)


@contextlib.contextmanager
def view(listing: Listing) -> Iterator[View]:
    """The best view that standard output and the installed packages allow."""
    files, size = len(listing.names), listing.total_bytes
    if not sys.stdout.isatty():
        yield PlainView(files)
    elif importlib.util.find_spec("rich"):
        with _rich(files, size) as shown:
            yield shown
    elif importlib.util.find_spec("tqdm"):
        with _tqdm(size) as shown:
            yield shown
    else:
        yield BarView(files, size)
        print()


@contextlib.contextmanager
def _rich(total_files: int, total_bytes: int) -> Iterator[View]:
    from rich import progress as rich  # type: ignore[import-not-found, unused-ignore]

    columns = (
        rich.TextColumn("{task.description}"),
        rich.BarColumn(),
        rich.DownloadColumn(),
        rich.TextColumn("{task.fields[files]:,} of {task.fields[total_files]:,} files"),
        rich.TimeElapsedColumn(),
    )
    with rich.Progress(*columns) as progress:
        task = progress.add_task("checked", total=total_bytes, files=0, total_files=total_files)

        class RichView:
            def update(self, files: int, size: int) -> None:
                progress.update(task, completed=size, files=files)

        yield RichView()


@contextlib.contextmanager
def _tqdm(total_bytes: int) -> Iterator[View]:
    from tqdm import tqdm  # type: ignore[import-untyped, import-not-found, unused-ignore]

    with tqdm(total=total_bytes, unit="B", unit_scale=True, desc="checked") as bar:

        class TqdmView:
            def update(self, files: int, size: int) -> None:
                bar.update(size - bar.n)

        yield TqdmView()
