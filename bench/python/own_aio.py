"""smipc.aio: a channel in each direction, awaited."""

from __future__ import annotations

from async_harness import main
from harness import unique_name


class AioContestant:
    def __init__(self, options):
        import smipc.aio

        self.smipc = smipc
        self.options = options
        self.names = [unique_name("-there"), unique_name("-back")]

    async def attach(self, initiator):
        smipc, room = self.smipc, self.options.capacity
        out, into = self.names if initiator else self.names[::-1]
        self.out = smipc.aio.open_channel(out, smipc.CHAN_W, room, framing="message").open()
        self.into = smipc.aio.open_channel(into, smipc.CHAN_R, room, framing="message").open()
        self.send, self.recv = self.out.send, self.into.recv

    async def detach(self):
        self.out.close()
        self.into.close()


if __name__ == "__main__":
    main(AioContestant)
