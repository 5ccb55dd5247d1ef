"""Receives 64 bytes with a callback, while the main thread is free for other work.

Start one of the senders in another terminal, before or after, in any language:
    python sender_async.py [CHANNEL]
"""

import os
import sys
import threading

from smipc import *

name = os.fsencode(sys.argv[1]) if len(sys.argv) > 1 else b"smipc-example"
chanSz = 20

received = bytearray()
complete = threading.Event()


def on_data(data):
    """Runs on the listener's thread, with the bytes that were there."""
    received.extend(data)
    if len(received) >= 64:
        complete.set()


init_library(LOG_DISABLE)
with open_channel(name, CHAN_R, chanSz) as channel:
    listener = channel.read_async(on_data)
    complete.wait()  # instead of other work
    listener.stop()
    print("received", received.hex())
clean_library()
