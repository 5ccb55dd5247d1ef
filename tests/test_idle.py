"""What waiting costs: next to nothing while idle, and no system call when the answer comes soon."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from children import Child

import smipc
from smipc import CHAN_R, CHAN_W

ON_WINDOWS = sys.platform == "win32"

# The promise for an idle end is 0.2 % of a processor after the first millisecond; a busy machine
# charges more. Waiting for many at once costs for each of them.
IDLE_PERCENT = 2.0
IDLE_PERCENT_OF_300 = 300 * 0.05

WAYS_TO_WAIT = {
    "recv": "reader.recv(2)",
    "recv_many": "reader.recv_many(10, 2)",
    "wait": "assert smipc.wait([reader], 2) == []",
    "wait_for_300": "assert smipc.wait(many, 2) == []",
    "read": "stream.read(bytearray(9), 9, blocking=True, timeout=2)",
    "send": "full.send(bytes(9000), 2)",
    "write": "full_stream.write(bytes(9000), 2)",
    "flush": "full.flush(2)",
    "fileno": "select.select([reader.fileno()], [], [], 2)",
    "listener": "reader.read_async(print); time.sleep(2)",
    "aio": "asyncio.run(wait_in_a_loop())",
}
if ON_WINDOWS:
    del WAYS_TO_WAIT["fileno"]

IDLER = """
    import asyncio, select
    name, policy, way, code = arguments[0], *map(os.fsdecode, arguments[1:])

    def both(name, framing="message"):
        options = dict(framing=framing, wait=policy)
        return [open_channel(name, mode, 10_000, **options).open() for mode in (CHAN_W, CHAN_R)]

    writer, reader = both(name)
    stream_writer, stream = both(name + b"-s", "stream")
    full, slow = both(name + b"-f")
    full.send(bytes(9000))
    full_stream, slow_stream = both(name + b"-fs", "stream")
    full_stream.write(bytes(9000))
    pairs = [both(name + b"-%d" % i) for i in range(300)] if way == "wait_for_300" else []
    many = [pair[1] for pair in pairs]

    async def wait_in_a_loop():
        from smipc import aio
        async with aio.open_channel(name + b"-aio", CHAN_R, framing="message") as channel:
            try:
                await asyncio.wait_for(channel.recv(), 2)
            except (TimeoutError, asyncio.TimeoutError):
                pass

    before, start = time.process_time(), time.monotonic()
    try:
        exec(code)
    except TimedOutError:
        pass
    say(time.process_time() - before, time.monotonic() - start)
    clean_library()
"""


@pytest.mark.parametrize("policy", ["hybrid"] if ON_WINDOWS else ["hybrid", "block"])
@pytest.mark.parametrize("way", WAYS_TO_WAIT)
def test_an_idle_end_uses_next_to_no_processor(
    name: bytes, start_child: Any, way: str, policy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    limit = IDLE_PERCENT_OF_300 if way == "wait_for_300" else IDLE_PERCENT
    # The host may stop the whole machine while the process runs for a moment, and that counts as
    # its time, too: so there is a second look, which a process that spins fails as well.
    for attempt in range(2):
        child: Child = start_child(
            IDLER, b"%s-%d" % (name, attempt), policy, way, WAYS_TO_WAIT[way]
        )
        used, waited = map(float, child.hear().split())
        child.finish()
        assert waited >= 1.9
        percent = 100 * used / waited
        with capsys.disabled():
            print(f"\n    idle in {way} ({policy}): {percent:.3f} % of a processor", end="")
        if percent < limit:
            break
    assert percent < limit


# Answers at once, and never sleeps: it never has to be woken. On a processor of its own.
ECHO = """
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with (open_channel(arguments[0], CHAN_R, framing="message", wait="spin") as requests,
          open_channel(arguments[0] + b"-back", CHAN_W, framing="message") as replies):
        say("open")
        for request in requests:
            replies.send(request)
"""

# Batches of round trips, each between two system calls that can be found again; until 100 of them
# went without a sleep (the stops of a tracer are counted as sleeps), or so many have been made. On a busy machine others take the processor away from the one that answers.  # noqa: E501
ASK = """
    import resource
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    requests = open_channel(arguments[0], CHAN_W, framing="message").open()
    replies = open_channel(arguments[0] + b"-back", CHAN_R, framing="message").open()
    say("open")
    hear()
    batches = quiet = 0
    most = float(arguments[1])
    while quiet < 100 and batches < most:
        os.access("/smipc-batch-begins", os.F_OK)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw
        for i in range(10):
            requests.send(b"x")
            replies.recv()
        quiet += resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw == before
        os.access("/smipc-batch-ends", os.F_OK)
        batches += 1
    requests.close()
    say(batches)
"""

two_processors = pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2,
    reason="needs two processors",
)


@two_processors
def test_a_reader_that_is_answered_within_the_spin_does_not_sleep(
    name: bytes, start_child: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    start_child(ECHO, name).expect("open")
    child: Child = start_child(ASK, name, "inf")
    child.expect("open")
    child.say("go")
    batches = int(child.hear())  # says so when it has had enough without a sleep
    child.finish()
    with capsys.disabled():
        print(f"\n    100 of {batches} batches of 10 round trips without a sleep", end="")


# What a wait that lasts longer than the spin may call.
OF_A_SLEEP = {
    "futex",
    "membarrier",
    "sched_yield",
    # asking whether the opposite end lives; how many processors there are, once
    "open",
    "openat",
    "read",
    "fstat",
    "newfstatat",
    "fcntl",
    "close",
}


@two_processors
def test_a_reader_that_is_answered_within_the_spin_makes_no_system_call(
    name: bytes, start_child: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("NOT TESTED: strace is not installed")
    start_child(ECHO, name).expect("open")
    child: Child = start_child(ASK, name, "2000")
    child.expect("open")
    trace = tmp_path / "trace"
    tracer = subprocess.Popen(
        [strace, "-o", str(trace), "-p", str(child.pid)], stderr=subprocess.PIPE, text=True
    )
    assert tracer.stderr is not None
    attached = tracer.stderr.readline()
    if "attached" not in attached:
        pytest.skip(f"NOT TESTED: strace may not attach: {attached}")
    child.say("go")
    child.hear()
    child.finish()
    tracer.communicate()
    batches = trace.read_text().split('"/smipc-batch-begins"')[1:]
    calls = []
    for batch in batches:
        inside = batch.split('"/smipc-batch-ends"')[0]
        named = re.findall(r"^(\w+)\(", inside, flags=re.MULTILINE)[:-1]  # the last one is the end
        calls.append([call for call in named if call != "getrusage"])
    quiet = calls.count([])
    with capsys.disabled():
        print(
            f"\n    {quiet} of {len(calls)} batches of 10 round trips without a system call", end=""
        )
    assert quiet >= 10
    assert {call for batch in calls for call in batch} <= OF_A_SLEEP


@pytest.mark.skipif(ON_WINDOWS, reason="signals other than Ctrl-C")
def test_a_signal_handler_that_does_not_raise_loses_nothing(name: bytes, start_child: Any) -> None:
    child: Child = start_child(
        """
        import itertools
        caught = itertools.count()
        signal.signal(signal.SIGUSR1, lambda *_: next(caught))
        requests = open_channel(arguments[0], CHAN_R, 200, framing="message").open()
        replies = open_channel(arguments[0] + b"-back", CHAN_W, 200, framing="message").open()
        say("open")
        for request in requests:
            replies.send(request)
        replies.close()
        say(next(caught))
        """,
        name,
    )
    child.expect("open")
    with (
        smipc.open_channel(name, CHAN_W, framing="message") as requests,
        smipc.open_channel(name + b"-back", CHAN_R, framing="message") as replies,
    ):
        for i in range(2000):
            message = b"%d" % i * (100 if i % 100 == 0 else 1)
            os.kill(child.pid, signal.SIGUSR1)
            requests.send(message)
            assert replies.recv() == message
        requests.close()
        assert list(replies) == []
    assert int(child.hear()) > 0
    child.finish()
