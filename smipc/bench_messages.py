"""The messages of `smipc bench`: numbered at both ends of each, so that every one can be checked.

A section of messages repeats a block of them: number 0, 1, 2 and so on up to the block's length,
then from 0 again. It ends with END. How many there were is compared besides, by what the sender
says it has sent.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, cast

from smipc import Channel, open_channel

if TYPE_CHECKING:
    from smipc.channel import Wait

END = b"the end of a section"  # never equal to a numbered message, which has zeros there
# What the second process is told to do.
ANSWER, SEND, SEND_LISTS, DONE = "answer", "send", "send-lists", "done"

LARGEST_MESSAGE = 1 << 30
LARGEST_IN_LISTS = 4096  # of larger ones a call costs little, beside the bytes
_LARGEST_COMPARED = 4096  # in whole; of larger ones both ends are
_NUMBER_BYTES = 8
_MOST_IN_A_BLOCK = 255  # as many as recv_many gives at once
_BLOCK_BYTES = 256 * 1024


class WrongMessageError(ValueError):
    """A message came that is not the one that was due."""


def open_end(name: str, mode: int, capacity: int, wait: str) -> Channel:
    return open_channel(name, mode, capacity, framing="message", wait=cast("Wait", wait))


def block_of(size: int, capacity: int) -> list[bytes]:
    """Messages of `size` bytes that differ from each other, as far as there is room in them: as
    many as a channel of `capacity` bytes holds about, and two at least."""
    count = max(2, min(_MOST_IN_A_BLOCK, min(_BLOCK_BYTES, capacity) // max(1, size)))
    return [_message(number, size) for number in range(count)]


def _message(number: int, size: int) -> bytes:
    mark = number.to_bytes(_NUMBER_BYTES, "little")
    if size < 2 * _NUMBER_BYTES:  # room for one, or for its first bytes
        return mark[:size].ljust(size, b"\x5a")
    return b"".join((mark, bytes(size - 2 * _NUMBER_BYTES), mark))


def receive_block(recv: Callable[[], bytes], first: bytes, block: list[bytes]) -> None:
    """Receives the rest of a block, whose first message has come, and checks all of it."""
    if len(first) <= _LARGEST_COMPARED:
        rest = islice(iter(recv, END), len(block) - 1)  # an END that comes too early is the last
        check_list([first, *rest], block)
        return
    check_ends(first, block[0])
    for due in block[1:]:
        check_ends(recv(), due)


def check_list(messages: list[bytes], due: list[bytes]) -> None:
    if len(messages) != len(due):
        raise WrongMessageError(f"messages were lost: {len(messages)} came, and not {len(due)}")
    if messages != due:
        place = next(
            i for i, pair in enumerate(zip(messages, due, strict=True)) if len({*pair}) > 1
        )
        raise WrongMessageError(_difference(messages[place], due[place]))


def check_ends(message: bytes, due: bytes) -> None:
    n = _NUMBER_BYTES
    if len(message) != len(due) or message[:n] != due[:n] or message[-n:] != due[-n:]:
        raise WrongMessageError(_difference(message, due))


def check_whole(message: bytes, due: bytes) -> None:
    if message != due:
        raise WrongMessageError(_difference(message, due))


def _difference(message: bytes, due: bytes) -> str:
    return f"a message came that is not the one that was sent: {_look(message)}, not {_look(due)}"


def _look(message: bytes) -> str:
    n = _NUMBER_BYTES
    ends = message.hex() if len(message) <= 2 * n else f"{message[:n].hex()}..{message[-n:].hex()}"
    return f"{len(message)} bytes {ends}"
