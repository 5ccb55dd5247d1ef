"""Ten thousand channels in one process that may have 1,024 descriptors."""

from __future__ import annotations

import mmap
import os
import sys
from typing import Any

import pytest
from children import Child

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits of descriptors")

CHANNELS = 10_000
NEEDED_BYTES = CHANNELS * 2 * mmap.PAGESIZE


@pytest.fixture
def enough_shared_memory() -> None:
    space = os.statvfs("/dev/shm")
    free = space.f_bavail * space.f_frsize
    if free < 2 * NEEDED_BYTES:
        pytest.skip(f"NOT TESTED: /dev/shm has {free} bytes free, {2 * NEEDED_BYTES} are needed")


OPEN_ALL = f"""
    import resource
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, hard), hard))
    prefix = arguments[0]

    def name(i):
        return b"%s-%d" % (prefix, i)

    def open_all(mode):
        return [open_channel(name(i), mode, 64, framing="message").open()
                for i in range({CHANNELS})]
"""


def test_both_ends_of_all_in_one_process(
    name: bytes, start_child: Any, enough_shared_memory: None
) -> None:
    child: Child = start_child(
        OPEN_ALL
        + """
    writers, readers = open_all(CHAN_W), open_all(CHAN_R)
    assert len(os.listdir("/proc/self/fd")) < 100
    for i in range(0, len(writers), 97):
        writers[i].send(b"%d" % i)
    for i in range(0, len(writers), 97):
        assert readers[i].recv() == b"%d" % i
    for i in (0, len(writers) - 1):
        for round in range(1000):
            writers[i].send(b"%d" % round)
            assert readers[i].recv() == b"%d" % round

    some = readers[:300]
    assert smipc.wait(some, 0) == []
    assert smipc.wait(some, 0.05) == []
    writers[7].send(b"x")
    writers[299].send(b"y")
    assert smipc.wait(some) == [readers[7], readers[299]]
    threading.Timer(0.1, lambda: writers[150].send(b"z")).start()
    assert readers[7].recv() == b"x" and readers[299].recv() == b"y"
    assert smipc.wait(some) == [readers[150]]
    assert len(os.listdir("/proc/self/fd")) < 100

    writers[5].close()
    assert smipc.wait(some) == [readers[5], readers[150]]
    for channel in writers + readers:
        channel.close()
    say("done")
    """,
        name,
    )
    child.expect("done")
    child.finish()


def test_a_handful_of_processes_use_some_of_them(
    name: bytes, start_child: Any, enough_shared_memory: None
) -> None:
    holder: Child = start_child(
        OPEN_ALL
        + """
    readers = open_all(CHAN_R)
    say("open")
    expected = {readers[i] for i in range(5, len(readers), 2000)}
    sums = {}
    while expected:
        for reader in smipc.wait(list(expected)):
            try:
                sums[reader.cid] = sums.get(reader.cid, 0) + int(reader.recv())
            except OppositeEndClosedError:
                expected.remove(reader)
    say(*sorted(sums.values()))
    """,
        name,
    )
    holder.expect("open")
    writers: list[Child] = [
        start_child(
            """
            with open_channel(arguments[0], CHAN_W, framing="message") as writer:
                for i in range(1000):
                    writer.send(b"%d" % i)
                writer.flush()
            """,
            b"%s-%d" % (name, i),
        )
        for i in range(5, CHANNELS, 2000)
    ]
    for writer in writers:
        writer.finish()
    assert holder.hear() == " ".join(["499500"] * len(writers))
    holder.finish()


def test_without_descriptors_left_what_is_open_works(name: bytes, start_child: Any) -> None:
    child: Child = start_child(
        """
        import resource
        name = arguments[0]
        writer = open_channel(name, CHAN_W, framing="message").open()
        reader = open_channel(name, CHAN_R, framing="message").open()
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        for i in range(1000):
            writer.send(b"%d" % i)
            assert reader.recv() == b"%d" % i
        try:
            open_channel(name + b"-2", CHAN_R).open()
        except LimitError as problem:
            assert "descriptors" in str(problem) and "3" in str(problem), problem
        else:
            raise SystemExit("it opened without a descriptor")
        try:
            reader.recv(0.2)  # looks after its opposite end, and cannot
        except TimedOutError:
            pass
        resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
        writer.close()
        assert list(reader) == []
        reader.close()
        """,
        name,
    )
    child.finish()
