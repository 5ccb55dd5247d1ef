"""Contestant: asyncio streams over a pair of Unix sockets."""

from __future__ import annotations

import asyncio
import socket

from async_harness import main


class StreamsPeer:
    def __init__(self, options):
        self.options = options
        self.sockets = socket.socketpair()

    async def attach(self, initiator):
        mine = self.sockets[0 if initiator else 1]
        self.reader, self.writer = await asyncio.open_connection(sock=mine)

    async def send(self, message):
        self.writer.write(message)
        await self.writer.drain()

    async def recv(self):
        return await self.reader.readexactly(self.options.size)

    async def detach(self):
        self.writer.close()


if __name__ == "__main__":
    main(StreamsPeer)
