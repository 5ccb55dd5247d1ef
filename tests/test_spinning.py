"""Calls of channels with wait="spin": no signal ends a native call that only spins, so Python has
to come back from it often."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

import smipc
from smipc import CHAN_R, CHAN_W, Channel

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals other than Ctrl-C")

SPINNING: dict[str, tuple[int, Any, Callable[[Channel], object]]] = {
    "recv": (CHAN_R, "message", lambda channel: channel.recv()),
    "recv_many": (CHAN_R, "message", lambda channel: channel.recv_many()),
    "recv_into": (CHAN_R, "message", lambda channel: channel.recv_into(bytearray(9))),
    "peek": (CHAN_R, "message", lambda channel: channel.peek().__enter__()),
    "send": (CHAN_W, "message", lambda channel: channel.send(bytes(9))),
    "send_many": (CHAN_W, "message", lambda channel: channel.send_many([bytes(9)])),
    "reserve": (CHAN_W, "message", lambda channel: channel.reserve(9).__enter__()),
    "flush": (CHAN_W, "message", lambda channel: channel.flush()),
    "read": (CHAN_R, "stream", lambda channel: channel.read(bytearray(9), 9, True)),
    "write": (CHAN_W, "stream", lambda channel: channel.write(bytes(9))),
}


@pytest.mark.parametrize("call", SPINNING)
def test_a_call_that_spins_looks_after_signals_sooner_than_one_that_sleeps(
    name: bytes, call: str
) -> None:
    mode, framing, wait = SPINNING[call]

    def ring(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, ring)
    try:
        with smipc.open_channel(name, mode, 1000, framing=framing, wait="spin") as channel:
            if mode == CHAN_W:
                (channel.send if framing == "message" else channel.write)(bytes(1000))
            took = []
            for _ in range(10):
                start = time.monotonic()
                signal.setitimer(signal.ITIMER_REAL, 0.02)
                with pytest.raises(KeyboardInterrupt):
                    wait(channel)
                took.append(time.monotonic() - start - 0.02)
    finally:
        signal.signal(signal.SIGALRM, before)
    # It was nearly 200 ms each time, and a busy machine makes some of them late.
    assert min(took) < 0.1
