"""asyncio: a receiver that awaits messages while the event loop does other things.

In two terminals, in any order:
    python asyncio_messages.py receive [CHANNEL]
    python asyncio_messages.py send [CHANNEL]
"""

import asyncio
import os
import sys

import smipc.aio

role = sys.argv[1] if len(sys.argv) > 1 else "receive"
name = os.fsencode(sys.argv[2]) if len(sys.argv) > 2 else b"smipc-asyncio"


async def send():
    async with smipc.aio.open_channel(name, smipc.CHAN_W, framing="message") as channel:
        for number in range(5):
            await channel.send(b"message %d" % number)
            print("sent message", number)
        await channel.flush()


async def receive():
    async with smipc.aio.open_channel(name, smipc.CHAN_R, framing="message") as channel:
        async for message in channel:  # ends when the sender has closed
            print("received", message.decode())


asyncio.run(send() if role == "send" else receive())
