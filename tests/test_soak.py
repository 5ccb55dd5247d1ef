"""A great many messages of random sizes, by every kind of call: each whole, in order, once.

SMIPC_TEST_SOAK in the environment says how many; see docs/reliability.md.
"""

from __future__ import annotations

import contextlib
import os

import pytest
from programs import Process, program, unique_name

import smipc
from smipc import CHAN_R

MESSAGES = int(os.environ.get("SMIPC_TEST_SOAK") or 1_000_000)
SLOWEST = 50_000  # messages a second
SEED = "20"


def start(role: str, channel: str, messages: int, seed: str) -> Process:
    return Process([program("tests", "soak_tool"), role, channel, str(messages), seed])


@pytest.mark.timeout(120 + MESSAGES // SLOWEST)
def test_a_million_messages_and_more() -> None:
    channel = unique_name("soak")
    ends = [start(role, channel, MESSAGES, SEED) for role in ("writer", "reader")]
    try:
        outputs = [end.popen.communicate() for end in ends]
    finally:
        for end in ends:
            end.kill()
    assert [end.popen.returncode for end in ends] == [0, 0], outputs
    assert outputs[0] == outputs[1]


def test_a_message_that_is_not_as_expected_is_seen() -> None:
    channel = unique_name("soak")
    writer = start("writer", channel, 1000, SEED)
    reader = start("reader", channel, 1000, "21")
    try:
        _, said = reader.popen.communicate(timeout=60)
        assert reader.popen.returncode == 3
        assert "expected" in said
    finally:
        writer.kill()
        reader.kill()
        with contextlib.suppress(smipc.NotFoundError):  # on Windows it goes by itself
            smipc.open_channel(channel, CHAN_R, framing="message").unlink()
