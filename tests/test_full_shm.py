"""Shared memory that is full: an error that says how much there is and is needed, never SIGBUS."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap

import pytest

import smipc

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux")


def run(code: str, *prefix: str) -> str:
    """Runs Python code, behind a command if one is given; returns what it prints."""
    done = subprocess.run(
        [*prefix, sys.executable, "-c", "import os\nfrom smipc import *\n" + textwrap.dedent(code)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout


def in_small_shared_memory(code: str, options: str, where: str = "/dev/shm") -> str:
    """Runs the code where /dev/shm is a file system of its own with these mount options."""
    unshare = shutil.which("unshare")
    if unshare is None or os.geteuid() != 0:
        pytest.skip("NOT TESTED: needs root and unshare, to mount a small /dev/shm")
    mount = f'mount -t tmpfs -o {options} tmpfs {where} && exec "$@"'
    command = (unshare, "-m", "sh", "-c", mount, "sh")
    if subprocess.run([*command, "true"], capture_output=True).returncode != 0:
        pytest.skip("NOT TESTED: this container may not mount")
    return run(code, *command)


def test_a_channel_that_does_not_fit_says_how_much_there_is_and_is_needed() -> None:
    out = in_small_shared_memory(
        """
        try:
            open_channel("large", CHAN_W, 1_000_000).open()
        except NoSpaceError as problem:
            print(problem)
        assert os.listdir("/dev/shm") == []
        with open_channel("small", CHAN_W, 1000) as channel:
            channel.write(bytes(1000))
        assert os.listdir("/dev/shm") == []
        """,
        "size=256k",
    )
    assert "'large'" in out
    needed, free, total = (int(n) for n in re.findall(r"(\d+) bytes", out))
    assert 1_000_000 <= needed <= 1_000_000 + 16 * 1024
    assert free == total == 256 * 1024
    assert "remount" in out and "--shm-size" in out


@pytest.mark.parametrize("size", [4096, 20_000, 65536])
@pytest.mark.parametrize("framing", ["stream", "message"])
def test_channels_that_fill_it_work_to_the_last_byte(size: int, framing: str) -> None:
    in_small_shared_memory(
        f"""
        channels = []
        while True:
            pair = [open_channel(f"n{{len(channels)}}", mode, {size}, framing="{framing}")
                    for mode in (CHAN_W, CHAN_R)]
            try:
                pair[0].open()
            except NoSpaceError:
                break
            channels.append((pair[0], pair[1].open()))
        assert len(channels) >= 5
        assert len(os.listdir("/dev/shm")) == len(channels)
        for _ in range(3):  # every byte of every ring, at every place
            for writer, reader in channels:
                data = os.urandom({size})
                if "{framing}" == "stream":
                    writer.write(data, 0)
                    buffer = bytearray({size})
                    assert reader.read(buffer, {size}, blocking=True) == {size}
                    assert buffer == data
                else:
                    writer.send(data, 0)
                    assert reader.recv() == data
        for writer, reader in channels:
            writer.close()
            reader.close()
        assert os.listdir("/dev/shm") == []
        """,
        "size=1m",
    )


def test_messages_larger_than_all_of_it_pass() -> None:
    in_small_shared_memory(
        """
        import threading
        writer = open_channel("n", CHAN_W, 1000, framing="message").open()
        reader = open_channel("n", CHAN_R, framing="message").open()
        data = os.urandom(1_000_000)
        thread = threading.Thread(target=writer.send, args=(data,))
        thread.start()
        assert reader.recv() == data
        thread.join()
        """,
        "size=64k",
    )


def test_no_more_files() -> None:
    out = in_small_shared_memory(
        """
        channels = []
        try:
            while True:
                channels.append(open_channel(f"n{len(channels)}", CHAN_W, 10).open())
        except NoSpaceError as problem:
            print(len(channels), problem)
        channels.pop().close()
        with open_channel("again", CHAN_W, 10):
            pass
        """,
        "size=1m,nr_inodes=8",
    )
    assert out.startswith("7 "), out


@pytest.mark.parametrize("mode", ["CHAN_R", "CHAN_W"])
def test_no_shared_memory_at_all(mode: str) -> None:
    out = in_small_shared_memory(
        f"""
        try:
            open_channel("nowhere", {mode}).open()
        except SystemFailureError as problem:
            print(problem)
        """,
        "size=1m",
        "/dev",
    )
    assert "'nowhere': there is no /dev/shm" in out


@pytest.mark.parametrize("mode", ["CHAN_R", "CHAN_W"])
def test_shared_memory_that_cannot_be_written_to(mode: str) -> None:
    out = in_small_shared_memory(
        f"""
        try:
            open_channel("fixed", {mode}).open()
        except SystemFailureError as problem:
            print(problem)
        """,
        "size=1m,ro",
    )
    assert "'fixed': open /dev/shm/" in out and "Read-only" in out


def test_beyond_the_memory_of_the_machine(name: bytes) -> None:
    with pytest.raises(smipc.NoSpaceError, match=name.decode()) as caught:
        smipc.open_channel(name, smipc.CHAN_W, 1 << 40).open()
    assert isinstance(caught.value, OSError)
    space = os.statvfs("/dev/shm")
    needed, _, total = (int(n) for n in re.findall(r"(\d+) bytes", str(caught.value)))
    assert needed >= 1 << 40
    assert total == space.f_blocks * space.f_frsize


def test_a_limit_on_file_sizes_is_an_error_and_no_signal(name: bytes) -> None:
    out = run(
        f"""
        import resource
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        try:
            open_channel({name!r}, CHAN_W, 200_000).open()
        except NoSpaceError as problem:
            print(problem)
        assert not [entry for entry in os.listdir("/dev/shm") if {name.decode()!r} in entry]
        with open_channel({name!r}, CHAN_W, 10_000) as channel:
            channel.write(bytes(10_000))
        """
    )
    assert name.decode() in out
    needed, limit = (int(n) for n in re.findall(r"(\d+) bytes", out))
    assert needed >= 200_000
    assert limit == 100_000


def test_a_limit_on_memory_is_an_error(name: bytes) -> None:
    out = run(
        f"""
        import resource
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
        try:
            open_channel({name!r}, CHAN_W, 1 << 30).open()
        except OutOfMemoryError as problem:
            print(problem)
        except NoSpaceError as problem:  # /dev/shm is smaller than that
            print(problem)
        assert not [entry for entry in os.listdir("/dev/shm") if {name.decode()!r} in entry]
        """
    )
    assert name.decode() in out


def test_a_circular_buffer_that_does_not_fit_says_how_much_is_needed() -> None:
    out = in_small_shared_memory(
        """
        try:
            SharedCircularBuffer("large", create=True, item_size=1000, length=1000)
        except NoSpaceError as problem:
            print(problem)
        assert os.listdir("/dev/shm") == []
        with SharedCircularBuffer("small", create=True, item_size=100, length=100) as writer:
            reader = SharedCircularBuffer("small")
            writer.push_bytes(bytes(9900))
            assert reader.pop_bytes(1000) == bytes(9900)
        assert os.listdir("/dev/shm") == []
        """,
        "size=256k",
    )
    assert "'large'" in out
    needed, free, total = (int(n) for n in re.findall(r"(\d+) bytes", out))
    assert 1_000_000 <= needed <= 1_000_000 + 16 * 1024
    assert free == total == 256 * 1024


def test_a_semaphore_in_full_shared_memory() -> None:
    out = in_small_shared_memory(
        """
        with open("/dev/shm/filler", "wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(bytes(4096))
            except OSError:
                pass
        try:
            NamedSemaphore("one", 1, Flags.RAISE_IF_EXISTS)
        except NoSpaceError as problem:
            print(problem)
        assert os.listdir("/dev/shm") == ["filler"]
        os.unlink("/dev/shm/filler")
        assert NamedSemaphore("one", 1, Flags.RAISE_IF_EXISTS).value == 1
        """,
        "size=64k",
    )
    assert "'/one'" in out and "/dev/shm is full" in out


def test_creators_that_are_killed_leave_nothing_that_stays() -> None:
    in_small_shared_memory(
        """
        import random, signal, time

        def create_for_ever():
            while True:
                NamedSemaphore("s", 1, Flags.UNLINK_AND_CREATE)
                NamedSharedMemory("m", 5000, handle_existence=Flags.UNLINK_AND_CREATE)
                SharedCircularBuffer("c", create=True, length=100)

        for _ in range(60):
            read, write = os.pipe()
            child = os.fork()
            if child == 0:
                os.write(write, b"+")
                create_for_ever()
            os.read(read, 1)
            time.sleep(random.random() / 100)  # so that it is killed anywhere
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            os.close(read)
            os.close(write)
        # One that was killed before it could note that the name is to go with it.
        NamedSemaphore("s", 1, Flags.UNLINK_AND_CREATE)
        NamedSharedMemory("m", 5000, handle_existence=Flags.UNLINK_AND_CREATE)
        clean_stale()
        left = os.listdir("/dev/shm")
        assert left == [], left
        """,
        "size=1m",
    )
