"""Sends 64 random bytes in pieces of 1 to 20 bytes, for a receiver that takes them as they come.

Start one of the receivers in another terminal, before or after, in any language:
    python receiver_async.py [CHANNEL]
"""

import os
import random
import sys

from smipc import *

name = os.fsencode(sys.argv[1]) if len(sys.argv) > 1 else b"smipc-example"
chanSz = 20

init_library(LOG_DISABLE)
with open_channel(name, CHAN_W, chanSz) as channel:
    data = os.urandom(64)
    start = 0
    while start < len(data):
        size = random.randint(1, chanSz)
        channel.write(data[start : start + size])
        start += size
    print("sent", data.hex())
clean_library()
