"""Message framing: what is sent with one call is received with one call, whatever its size.

In two terminals, in any order:
    python messages.py receive [CHANNEL]
    python messages.py send [CHANNEL]
"""

import hashlib
import os
import sys

from smipc import *

role = sys.argv[1] if len(sys.argv) > 1 else "receive"
name = os.fsencode(sys.argv[2]) if len(sys.argv) > 2 else b"smipc-messages"


def show(verb, message):
    print(verb, len(message), hashlib.sha256(message).hexdigest()[:16])


# Empty messages are messages, and so are those larger than the channel.
if role == "send":
    with open_channel(name, CHAN_W, 4096, framing="message") as channel:
        for message in [b"hello", b"", os.urandom(100_000)]:
            channel.send(message)
            show("sent", message)
        channel.send_many([b"many", b"at", b"once"])
        channel.flush()  # waits until the receiver has taken them all
else:
    with open_channel(name, CHAN_R, 4096, framing="message") as channel:
        try:
            while True:
                show("received", channel.recv(timeout=60))
        except OppositeEndClosedError:
            print("the sender has closed, and everything was read")
