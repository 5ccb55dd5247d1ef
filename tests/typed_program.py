"""What a user's program says, in types. No test runs it: `mypy --strict` does, in dev.py lint.

Arguments are of the kinds that users have, results go where their types are needed.
"""

from __future__ import annotations

import array
import ctypes

import numpy

import smipc
import smipc.aio
from smipc import CHAN_R, CHAN_W, Channel, SmipcError, TimedOutError, open_channel


def send(outbox: Channel) -> None:
    outbox.send(b"bytes", timeout=1)
    outbox.send(bytearray(3))
    outbox.send(memoryview(b"view"), 0.5)
    outbox.send(array.array("i", [1]))
    outbox.send((ctypes.c_int * 3)())
    messages: list[bytes] = [b"1", b"2"]
    outbox.send_many(messages)
    outbox.send_many(b"%d" % number for number in range(3))
    outbox.send_array(numpy.zeros(3))
    outbox.send_object({"any": "object"})
    room = outbox.reserve(10)
    with room as view:
        view[:2] = b"ab"
        room.commit(2)
    with outbox.reserve_array((2, 3), numpy.float32) as frame:
        frame[:] = 0.5
    outbox.flush(timeout=None)


def receive(inbox: Channel) -> list[bytes]:
    received: list[bytes] = [inbox.recv(), inbox.recv(timeout=1), *inbox.recv_many(10)]
    received += [b"x" * inbox.recv_into(bytearray(10))]
    with inbox.peek() as view:
        received.append(view.tobytes())
    for message in inbox:
        received.append(message)
    mean = float(inbox.recv_array(out=numpy.zeros(3)).mean())
    return [*received, str(mean).encode()]


def read(inbox: Channel) -> bytes:
    room = smipc.create_string_buffer(64)
    size: int = inbox.read(room, 64, blocking=True, timeout=1.5)
    return room.raw[:size]


def listen(inbox: Channel) -> BaseException | None:
    def on_error(error: SmipcError) -> None:
        print(error.status, error.transferred)

    with inbox.read_async(print, on_error) as listener:
        listener.wait(1)
    return listener.error


def look(channel: Channel) -> str:
    ready: list[Channel] = smipc.wait([channel], timeout=0)
    status: smipc.Status = channel.status()
    return f"{len(ready)} {status.capacity_bytes} {status}"


async def asynchronously() -> None:
    async with smipc.aio.open_channel("name", CHAN_R, framing="message") as channel:
        async for message in channel:
            print(message.decode())


def main() -> None:
    options = open_channel("name", CHAN_W, 1000, wait="block", lifetime="kernel", access="all")
    try:
        with options as outbox, open_channel(b"name", CHAN_R, chanSz=20) as inbox:
            send(outbox)
            print(receive(inbox), read(inbox), listen(inbox), look(inbox))
    except TimedOutError as error:
        print(error.transferred)
    smipc.clean_library()
