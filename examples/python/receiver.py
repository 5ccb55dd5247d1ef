"""Receives 64 bytes through a channel of 20 bytes, and blocks until all are there.

Start one of the senders in another terminal, before or after, in any language:
    python sender.py [CHANNEL]
"""

import os
import sys

from smipc import *

name = os.fsencode(sys.argv[1]) if len(sys.argv) > 1 else b"smipc-example"
chanSz = 20  # counts if this process comes first and creates the channel

init_library(LOG_DISABLE)
with open_channel(name, CHAN_R, chanSz) as channel:
    buf = create_string_buffer(64)
    channel.read(buf, 64, blocking=True)
    print("received", buf.raw.hex())
clean_library()
