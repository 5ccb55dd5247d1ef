"""Something else in the place of a segment, or a segment that somebody has damaged."""

from __future__ import annotations

import contextlib
import mmap
import os
import random
import socket
import struct
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from children import Child

import smipc
from smipc import CHAN_R, CHAN_W, Channel

ON_WINDOWS = sys.platform == "win32"
needs_posix = pytest.mark.skipif(ON_WINDOWS, reason="there are no such files on Windows")
needs_users = pytest.mark.skipif(ON_WINDOWS, reason="becomes another user")
needs_privilege = pytest.mark.skipif(ON_WINDOWS, reason="symbolic links need a privilege there")

# Where channels are that outlive their processes; on Linux all of them.
SHARED_MEMORY = Path(os.environ["LOCALAPPDATA"], "smipc") if ON_WINDOWS else Path("/dev/shm")

# Of the layout (docs/shm-layout.md).
STEP = 65_536 if ON_WINDOWS else 4096  # of offset and size of a ring
RING_OFFSET = STEP
WRITER, READER = 384, 1024
HEADER = {
    "magic": (0, "Q"),
    "layout_version": (8, "I"),
    "kind": (12, "I"),
    "fingerprint": (16, "Q"),
    "total_bytes": (24, "Q"),
    "ring_offset": (32, "Q"),
    "ring_bytes": (40, "Q"),
    "limit_bytes": (56, "Q"),
    "framing": (64, "I"),
    "lifetime": (68, "I"),
    "name_bytes": (96, "I"),
}


def end(name: bytes, mode: int = CHAN_R, capacity: int = 4088) -> Channel:
    return smipc.open_channel(name, mode, capacity, framing="message")


@pytest.fixture
def place(name: bytes) -> Iterator[Path]:
    """Where the segment of `name` is, when there is one. Whatever is there is removed."""
    with smipc.open_channel(name, CHAN_R, framing="message", lifetime="kernel") as reader:
        (path,) = (p for p in SHARED_MEMORY.iterdir() if name.decode() in p.name)
    reader.unlink()
    assert not path.exists()
    yield path
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)


@pytest.fixture
def segment(name: bytes, place: Path) -> Path:
    """A segment with three messages that nobody has open."""
    with smipc.open_channel(name, CHAN_W, 4088, framing="message", lifetime="kernel") as writer:
        writer.send_many([b"1", b"22" * 100, b"333"])
    return place


def refused(name: bytes, kind: type[smipc.SmipcError]) -> str:
    """Both ends, and both ways to open."""
    text = ""
    for mode in (CHAN_R, CHAN_W):
        with pytest.raises(kind) as caught:
            end(name, mode).open()
        text = str(caught.value)
        assert name.decode() in text
    return text


# ---- Something else


@pytest.mark.parametrize(
    "content", [b"x", bytes(100), b"garbage" * 10_000, b"\xff" * 4096, os.urandom(8192)]
)
def test_a_file_that_is_no_segment(name: bytes, place: Path, content: bytes) -> None:
    place.write_bytes(content)
    refused(name, smipc.NotSmipcError)
    assert place.read_bytes() == content, "it is somebody's"
    smipc.clean_stale()
    assert place.exists()


def test_an_empty_file_is_what_a_killed_creator_left(name: bytes, place: Path) -> None:
    place.touch(mode=0o600)
    with end(name, CHAN_W) as writer, end(name) as reader:
        writer.send(b"x")
        assert reader.recv() == b"x"
    assert not place.exists()
    place.touch(mode=0o600)
    smipc.clean_stale()
    assert not place.exists()


@pytest.mark.parametrize("size", [4096, 8192, 100_000])
def test_zeros_are_what_a_killed_creator_left(name: bytes, place: Path, size: int) -> None:
    place.write_bytes(bytes(size))
    with end(name, CHAN_W) as writer, end(name) as reader:
        writer.send(b"x")
        assert reader.recv() == b"x"
    assert not place.exists()


@needs_privilege
def test_a_symbolic_link(name: bytes, place: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    for content in (None, b"", b"precious"):
        if content is not None:
            target.write_bytes(content)
        place.symlink_to(target)
        refused(name, smipc.NotSmipcError)
        assert place.is_symlink()
        assert (target.read_bytes() if content is not None else None) == content
        smipc.clean_stale()
        place.unlink(missing_ok=True)


@needs_privilege
def test_a_symbolic_link_to_a_segment_of_ours(name: bytes, segment: Path) -> None:
    other = segment.with_name(segment.name + ".moved")
    segment.rename(other)
    try:
        segment.symlink_to(other)
        refused(name, smipc.NotSmipcError)
    finally:
        other.unlink()


def test_a_directory(name: bytes, place: Path) -> None:
    place.mkdir()
    refused(name, smipc.NotSmipcError)
    smipc.clean_stale()
    assert place.is_dir()


@needs_posix
def test_a_pipe(name: bytes, place: Path) -> None:
    os.mkfifo(place)
    refused(name, smipc.NotSmipcError)


@needs_posix
def test_a_socket(name: bytes, place: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place))
        refused(name, smipc.NotSmipcError)


@needs_posix
def test_a_device(name: bytes, place: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED: needs root, to make a device")
    try:
        os.mknod(place, 0o600 | 0o020000, os.makedev(1, 3))
    except OSError as problem:
        pytest.skip(f"NOT TESTED: {problem}")
    with pytest.raises(smipc.SmipcError):
        end(name).open()


def test_what_is_no_segment_can_be_unlinked(name: bytes, place: Path) -> None:
    place.write_bytes(b"garbage" * 1000)
    smipc.unlink(name)
    assert not place.exists()


# ---- A segment, damaged


def set_field(path: Path, offset: int, kind: str, value: int) -> None:
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(struct.pack("<" + kind, value))


@pytest.mark.parametrize(
    "size",
    [1, 7, 8, 12, 16, 24, 127, 128, 383, 384, 1023, 1024, 1663, 1664, 2175, 2176, 4095, 4096, 8191],
)
def test_truncated(name: bytes, segment: Path, size: int) -> None:
    os.truncate(segment, size)
    text = refused(name, smipc.CorruptError if size >= 8 else smipc.NotSmipcError)
    if size >= 8:
        assert str(size) in text
    smipc.unlink(name)
    with end(name) as reader, pytest.raises(smipc.TimedOutError):
        reader.recv(0)


@pytest.mark.parametrize("version", [0, 2, 99, 2**32 - 1])
def test_another_layout_version(name: bytes, segment: Path, version: int) -> None:
    set_field(segment, *HEADER["layout_version"], version)
    text = refused(name, smipc.VersionError)
    assert str(version) in text and "1" in text
    smipc.clean_stale()
    assert segment.exists(), "it is another version's to remove"


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("magic", 0x1234, smipc.NotSmipcError),
        ("magic", 2**64 - 1, smipc.NotSmipcError),
        ("kind", 2, smipc.VersionError),
        ("fingerprint", 0, smipc.VersionError),
        ("total_bytes", 0, smipc.CorruptError),
        ("total_bytes", 2 * STEP + 1, smipc.CorruptError),
        ("total_bytes", 2**64 - 1, smipc.CorruptError),
        ("ring_offset", 0, smipc.CorruptError),
        ("ring_offset", STEP - 1, smipc.CorruptError),
        ("ring_offset", 2 * STEP, smipc.CorruptError),
        ("ring_offset", 2**64 - STEP, smipc.CorruptError),
        ("ring_bytes", 0, smipc.CorruptError),
        ("ring_bytes", 1, smipc.CorruptError),
        ("ring_bytes", 2 * STEP, smipc.CorruptError),
        ("ring_bytes", 2**63, smipc.CorruptError),
        ("limit_bytes", 0, smipc.CorruptError),
        ("limit_bytes", 15, smipc.CorruptError),
        ("limit_bytes", STEP + 1, smipc.CorruptError),
        ("limit_bytes", 2**64 - 1, smipc.CorruptError),
        ("framing", 0, smipc.CorruptError),  # that of a stream has another limit
        ("framing", 2, smipc.CorruptError),
        ("lifetime", 7, smipc.CorruptError),
        ("name_bytes", 3, smipc.AlreadyExistsError),
        ("name_bytes", 2**32 - 1, smipc.AlreadyExistsError),
    ],
)
def test_an_absurd_header(name: bytes, segment: Path, field: str, value: int, error: Any) -> None:
    set_field(segment, *HEADER[field], value)
    refused(name, error)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (WRITER + 256, 1 << 20),  # head far beyond the ring
        (WRITER + 256, 2**64 - 8),
        (WRITER + 256, 4),  # inside a word
        (READER + 384, 8192),  # the tail before the head
        (READER + 384, 2**64 - 1),
        (READER + 384, 3),
    ],
)
def test_absurd_cursors(name: bytes, segment: Path, field: int, value: int) -> None:
    set_field(segment, field, "Q", value)
    seen = 0
    for mode in (CHAN_R, CHAN_W):
        try:
            with end(name, mode) as channel:
                channel.recv(0) if mode == CHAN_R else channel.send(b"x", 0)
        except smipc.CorruptError as problem:
            assert name.decode() in str(problem)
            seen += 1
    assert seen >= 1


@pytest.mark.parametrize(
    "word",
    [
        2**56 - 1,  # a length beyond everything
        4097,
        5000,
        (4 << 56) | 8,  # a kind that there is not
        (255 << 56),
        (1 << 56) | 9,  # a start of another size than 8
        (2 << 56) | 5000,
        (3 << 56) | 5000,
    ],
)
@pytest.mark.parametrize("call", ["recv", "recv_many", "peek", "recv_into", "read_async"])
def test_absurd_records(name: bytes, segment: Path, word: int, call: str) -> None:
    set_field(segment, RING_OFFSET, "Q", word)
    with end(name) as reader:
        for _ in range(3):
            if call == "read_async":
                problems: list[smipc.SmipcError] = []
                listener = reader.read_async(lambda data: None, problems.append)
                while not problems:
                    time.sleep(0)
                listener.stop()
                assert isinstance(problems[0], smipc.CorruptError)
                continue
            with pytest.raises(smipc.CorruptError, match=name.decode()):
                if call == "peek":
                    with reader.peek(0):
                        pass
                elif call == "recv_into":
                    reader.recv_into(bytearray(10_000), 0)
                elif call == "recv_many":
                    reader.recv_many(5, 0)
                else:
                    reader.recv(0)


def test_a_message_that_claims_to_be_huge_takes_no_memory(name: bytes, segment: Path) -> None:
    set_field(segment, RING_OFFSET, "Q", (1 << 56) | 8)
    claims: list[tuple[int, tuple[type[BaseException], ...]]] = [
        ((1 << 47) + 1, (smipc.CorruptError,)),
        (2**64 - 1, (smipc.CorruptError,)),
    ]
    if not ON_WINDOWS:  # Wine promises anybody 64 TiB, and then takes minutes over them
        claims.append((1 << 46, (smipc.OutOfMemoryError, MemoryError)))
    for size, errors in claims:
        set_field(segment, RING_OFFSET + 8, "Q", size)
        set_field(segment, READER + 384, "Q", 0)
        with end(name) as reader, pytest.raises(errors):
            reader.recv(0)


# A reader that takes what it can get and survives the rest.
LONG_SUFFERING = """
    from smipc import SmipcError
    reader = open_channel(arguments[0], CHAN_R, framing="message").open()
    say("open")
    counts = {}
    for i in range(int(arguments[1])):
        try:
            if i % 3 == 0:
                message = reader.recv(0)
                assert len(message) <= 1 << 24
            elif i % 3 == 1:
                reader.recv_many(10, 0.0001)
            else:
                with reader.peek(0) as view:
                    bytes(view[:5000])
            kind = "message"
        except (SmipcError, MemoryError) as problem:
            kind = type(problem).__name__
        counts[kind] = counts.get(kind, 0) + 1
    say(counts)
"""


@pytest.mark.parametrize("seed", range(3))
def test_a_peer_that_scribbles_while_the_other_reads(
    name: bytes, place: Path, start_child: Any, seed: int
) -> None:
    chance = random.Random(seed)
    with smipc.open_channel(name, CHAN_W, 4088, framing="message", lifetime="kernel"):
        child: Child = start_child(LONG_SUFFERING, name, 3000 if ON_WINDOWS else 30_000)
        child.expect("open")
        with open(place, "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
            cursors = [WRITER + 128, WRITER + 256, WRITER + 264, READER + 384, READER + 392]
            while child.process.poll() is None:
                for _ in range(100):
                    where = chance.choice(cursors + [RING_OFFSET + 8 * chance.randrange(512)] * 4)
                    value = chance.choice(
                        [chance.randrange(600), chance.getrandbits(64), 1 << chance.randrange(64)]
                    )
                    struct.pack_into("<Q", memory, where, value)
        out = child.finish()
    assert out.startswith("{")


# ---- Another user's


NOBODY = 65534

# Imported before the user changes, who may not be able to read where Python is.
AS_NOBODY = f"""
import os, sys, textwrap, traceback
import smipc, smipc._status
from smipc import *
os.setgroups([])
os.setgid({NOBODY})
os.setuid({NOBODY})
"""


@contextlib.contextmanager
def as_nobody(code: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Runs Python as another user, until it hears of the end."""
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED: needs root, to become another user")
    script = AS_NOBODY + textwrap.dedent(code)
    child = subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert child.stdout is not None
        line = child.stdout.readline()
        assert line == "ready\n", line + child.communicate()[1]
        yield child
        child.communicate("end\n")
        assert child.returncode == 0
    finally:
        child.kill()
        child.wait()


HOLD = """
channel = open_channel(sys.argv[1], CHAN_W, framing="message", access=sys.argv[2]).open()
channel.send(b"from another user")
print("ready", flush=True)
sys.stdin.readline()
"""


@needs_users
def test_a_segment_of_another_user_is_refused(name: bytes) -> None:
    with as_nobody(HOLD, name.decode(), "user"):
        text = refused(name, smipc.AccessDeniedError)
        assert str(NOBODY) in text
        with pytest.raises(PermissionError):
            end(name).open()
        with pytest.raises(smipc.AccessDeniedError):
            smipc.unlink(name)
        smipc.clean_stale()
        # Even with access for all, it is taken only by those who ask for it on purpose.
    with as_nobody(HOLD, name.decode(), "all"):
        refused(name, smipc.AccessDeniedError)
        with smipc.open_channel(name, CHAN_R, framing="message", access="all") as reader:
            assert reader.recv() == b"from another user"


@needs_users
def test_a_segment_of_ours_is_refused_to_another_user(name: bytes) -> None:
    code = """
    try:
        open_channel(sys.argv[1], CHAN_R, framing="message").open()
    except AccessDeniedError as problem:
        assert sys.argv[1] in str(problem), problem
        assert "user 0" in str(problem), problem
    else:
        raise SystemExit("it was opened")
    try:
        unlink(sys.argv[1])
    except AccessDeniedError:
        pass
    else:
        raise SystemExit("it was unlinked")
    clean_stale()
    print("ready", flush=True)
    sys.stdin.readline()
    """
    with end(name, CHAN_W) as writer, as_nobody(code, name.decode()):
        writer.send(b"still there")
        with end(name) as reader:
            assert reader.recv() == b"still there"


@needs_users
def test_access_for_all_is_shared_with_another_user(name: bytes) -> None:
    code = """
    with open_channel(sys.argv[1], CHAN_R, framing="message", access="all") as reader:
        assert reader.recv() == b"for all"
        print("ready", flush=True)
        assert list(reader) == []
    """
    with smipc.open_channel(name, CHAN_W, framing="message", access="all") as writer:
        writer.send(b"for all")
        with as_nobody(code, name.decode()):
            writer.close()
    # The other user was the last, and may not remove our file.
    smipc.clean_stale()


@needs_users
def test_a_name_that_another_user_left_behind(name: bytes, place: Path) -> None:
    with as_nobody(HOLD, name.decode(), "user") as child:
        child.kill()
        child.wait()
        child.returncode = 0
        refused(name, smipc.AccessDeniedError)
        assert place.exists()
        place.unlink()
