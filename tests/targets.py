"""What children of multiprocessing run: in a module of its own, for spawned ones import it."""

from __future__ import annotations

import os
from typing import Any

from smipc import (
    Channel,
    DataStructMmapEditor,
    Flags,
    NamedMessageQueue,
    NamedSemaphore,
    NamedSharedMemory,
)

kept: list[Any] = []


def echo(requests: Channel, replies: Channel) -> None:
    with requests, replies:
        for message in requests:
            replies.send(message.upper())


def leave_open(channel: Channel) -> None:
    kept.append(channel.open())
    channel.send(b"last")


def take_and_tell(semaphore: NamedSemaphore, out: Any) -> None:
    out.put((semaphore.acquire(timeout=60), semaphore.linked_existing_object))


def create_and_leave(name: str, out: Any) -> None:
    semaphore = NamedSemaphore(name, handle_existence=Flags.RAISE_IF_EXISTS)
    kept.append(semaphore)
    out.put(semaphore.value)


def write_and_tell(memory: NamedSharedMemory, out: Any) -> None:
    memory.buf[0] = 42
    out.put((memory.size, memory.linked_existing_object))


def answer(queue: NamedMessageQueue) -> None:
    if queue._pid != os.getpid():  # forked: a handle of its own
        queue = NamedMessageQueue(queue.name)
    message = queue.receive(60)
    assert message is not None
    queue.send(b"answer to " + message[0], priority=message[1] + 1)


def edit(editor: DataStructMmapEditor, out: Any) -> None:
    with editor:
        editor.a += 1
    out.put(editor.a)
