"""Arrays through a channel: with dtype and shape, and in place, without a copy. Needs numpy.

In two terminals, in any order:
    python arrays.py receive [CHANNEL]
    python arrays.py send [CHANNEL]
"""

import os
import sys

import numpy as np
from smipc import *

role = sys.argv[1] if len(sys.argv) > 1 else "receive"
name = os.fsencode(sys.argv[2]) if len(sys.argv) > 2 else b"smipc-arrays"
shape = (480, 640)
four_frames = 4 * (480 * 640 * 4 + 128)  # bytes, with room for what describes each

if role == "send":
    with open_channel(name, CHAN_W, four_frames, framing="message") as channel:
        # dtype, shape and order travel along.
        channel.send_array(np.arange(12, dtype=np.int16).reshape(3, 4))
        # Zero copy: the frame comes into being in the channel's own memory. Leaving the block
        # sends it; an exception inside would give the room back.
        with channel.reserve_array(shape, np.float32) as frame:
            frame[:] = np.linspace(0, 1, num=640, dtype=np.float32)
            print("sent sum", float(frame.sum(dtype=np.float64)))
        channel.flush()
else:
    with open_channel(name, CHAN_R, four_frames, framing="message") as channel:
        small = channel.recv_array()
        print("received", small.dtype, small.shape, small.tolist())
        # Zero copy: read where it lies. Leaving the block takes it off the channel.
        with channel.peek_array() as frame:
            print("received sum", float(frame.sum(dtype=np.float64)))
