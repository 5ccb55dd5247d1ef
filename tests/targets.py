"""What children of multiprocessing run: in a module of its own, for spawned ones import it."""

from __future__ import annotations

from smipc import Channel

kept: list[Channel] = []


def echo(requests: Channel, replies: Channel) -> None:
    with requests, replies:
        for message in requests:
            replies.send(message.upper())


def leave_open(channel: Channel) -> None:
    kept.append(channel.open())
    channel.send(b"last")
