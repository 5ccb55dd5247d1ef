"""clean_library(): everything that this process has open, of every kind, is closed by it."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path

import pytest
from children import Child

import smipc
from smipc import Flags
from smipc.struct import base_struct as bs


class Numbers(bs.BaseMmapStructure):
    _fields_ = (("header", bs.MmapStructureHeader), ("number", ctypes.c_int64))


def test_everything_is_closed(text: str, tmp_path: Path) -> None:
    name = text[1:]
    channel = smipc.open_channel(name, smipc.CHAN_W, framing="message").open()
    writer = smipc.SharedCircularBuffer(name, create=True)
    reader = smipc.SharedCircularBuffer(name)
    semaphore = smipc.NamedSemaphore(name, 1, Flags.RAISE_IF_EXISTS)
    memory = smipc.NamedSharedMemory(f"{name}m", 100, handle_existence=Flags.RAISE_IF_EXISTS)
    view = memory.buf
    queue = smipc.NamedMessageQueue(f"{name}q", handle_existence=Flags.RAISE_IF_EXISTS)
    queue.send(b"kept")
    editor = smipc.DataStructMmapManager(Numbers, str(tmp_path), create=True)
    structure_reader = smipc.DataStructMmapReader(Numbers, str(tmp_path))
    editor.lock()

    for _ in range(2):
        smipc.clean_library()
        assert all(one.closed for one in (writer, reader, semaphore, memory, queue))
        for call in (
            lambda: channel.send(b""),
            lambda: writer.push(1),
            lambda: reader.popitem(),
            lambda: semaphore.acquire(False),
            lambda: memory.buf,
            lambda: queue.send(b""),
            lambda: queue.receive(0),
            lambda: editor.lock(False),
            lambda: structure_reader.readData("number"),
        ):
            with pytest.raises(smipc.ClosedError):
                call()
    with pytest.raises(FileNotFoundError):
        smipc.SharedCircularBuffer(name)

    view[99] = 1  # what was made of the memory stays
    structure_reader.openMemory()
    assert structure_reader.lock(blocking=False), "what was locked is free"
    structure_reader.closeMemory()
    channel.open()
    channel.close()


def test_what_others_have_open_lives_on(
    text: str, start_child: Callable[..., Child], tmp_path: Path
) -> None:
    writer = smipc.SharedCircularBuffer(text, create=True, item_size=2, length=9)
    semaphore = smipc.NamedSemaphore(text, 3, Flags.RAISE_IF_EXISTS)
    child = start_child(
        """
        reader = SharedCircularBuffer(arguments[0])
        semaphore = NamedSemaphore(arguments[0])
        say("open")
        hear()
        say(reader.popitem(), semaphore.acquire(False), semaphore.value)
        """,
        text,
    )
    child.expect("open")
    writer.push(777)
    smipc.clean_library()
    child.say("go")
    child.expect("777 True 2")
    child.finish()
    del semaphore


def test_what_is_gone_is_not_missed(text: str) -> None:
    for _ in range(3):
        smipc.SharedCircularBuffer(text, create=True)
    smipc.clean_library()


def test_the_objects_of_a_parent_are_left_alone(
    text: str, start_child: Callable[..., Child]
) -> None:
    if not hasattr(__import__("os"), "fork"):
        pytest.skip("needs fork")
    child = start_child(
        """
        name = arguments[0].decode()
        writer = SharedCircularBuffer(name, create=True, length=9)
        semaphore = NamedSemaphore(name, 1, Flags.RAISE_IF_EXISTS)
        pid = os.fork()
        if pid == 0:
            clean_library()
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        writer.push(5)
        say(SharedCircularBuffer(name).popitem(), semaphore.acquire(False))
        """,
        text,
    )
    child.expect("5 True")
    child.finish()
