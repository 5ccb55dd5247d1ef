"""Sends 64 random bytes through a channel of 20 bytes, and blocks while it is full.

Start one of the receivers in another terminal, before or after, in any language:
    python receiver.py [CHANNEL]
"""

import os
import sys

from smipc import *

name = os.fsencode(sys.argv[1]) if len(sys.argv) > 1 else b"smipc-example"
chanSz = 20

init_library(LOG_DISABLE)
with open_channel(name, CHAN_W, chanSz) as channel:
    data = os.urandom(64)
    channel.write(data)  # returns when the last 20 bytes lie in the channel
    print("sent", data.hex())
clean_library()
