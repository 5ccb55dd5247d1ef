"""Processes that pass messages, and are killed at random moments and started again: what they have
sent arrives, once, whole and in order, and nobody who is left gets stuck.

SMIPC_TEST_KILLS in the environment says how many kills of each scenario; see docs/reliability.md.
The processes are small C++ programs, which also know what each message must look like.
"""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from programs import WATCHDOG_SECONDS, popen, program

import smipc
from smipc import CHAN_R, Flags

KILLS = int(os.environ.get("SMIPC_TEST_KILLS") or (30 if sys.platform == "win32" else 100))
LONGEST_LIFE = 0.004  # in seconds, from being started again to being killed at the earliest
LOOK_EVERY = 20  # kills

# The tally, in 64-bit words, as traffic_tool.cpp has it.
DONE, SEEN, SENDERS_TAKEN, SENT = 0, 1, 4, 5
SENDERS = 8192
PER_SENDER = 2048


@dataclass
class Scenario:
    senders: tuple[str, ...]
    receivers: tuple[str, ...]
    remove: Callable[[str], object]  # what killed processes leave


SCENARIOS = {
    "channel": Scenario(
        ("channel_writer",),
        ("channel_reader",),
        lambda name: smipc.open_channel(name, CHAN_R, framing="message").unlink(),
    ),
    "queue": Scenario(
        ("queue_sender",) * 4,
        ("queue_receiver",) * 4,
        lambda name: smipc.NamedMessageQueue(name).unlink(),
    ),
    "buffer": Scenario(
        ("buffer_writer",),
        ("buffer_reader",) * 2,
        lambda name: smipc.SharedCircularBuffer(name, create=True).cleanup(),
    ),
    "structure": Scenario(
        ("structure_editor",) * 2, ("structure_reader",) * 2, lambda path: Path(path).unlink()
    ),
}


@dataclass
class Actor:
    role: str
    process: subprocess.Popen[str]


@dataclass
class Stage:
    """The processes of one scenario, and the tally of what they have done."""

    tool: str
    object: str
    tally_name: str
    tally: memoryview
    actors: list[Actor] = field(default_factory=list)
    started: int = 0

    def start(self, role: str) -> None:
        process = popen(
            [self.tool, role, self.object, self.tally_name, str(self.started)],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        self.started += 1
        self.actors.append(Actor(role, process))

    def end(self, actor: Actor) -> None:
        self.actors.remove(actor)
        assert actor.process.poll() is None, self._last_words(actor)
        actor.process.kill()
        actor.process.communicate()

    def look(self) -> None:
        for actor in self.actors:
            assert actor.process.poll() is None, self._last_words(actor)

    def wait_until(self, what: str, condition: Callable[[], bool]) -> None:
        watchdog = time.monotonic() + WATCHDOG_SECONDS
        while not condition():
            self.look()
            assert time.monotonic() < watchdog, f"{what}; {list(self.tally[:SENT])}"
            time.sleep(0.001)

    def wait_for_traffic(self) -> None:
        done = self.tally[DONE]
        self.wait_until("nothing happens any more", lambda: self.tally[DONE] > done)

    def close(self) -> None:
        for actor in self.actors:
            if actor.process.poll() is None:
                actor.process.kill()
                actor.process.communicate()

    def _last_words(self, actor: Actor) -> str:
        _, said = actor.process.communicate()
        return f"{actor.role} ended by itself, with {actor.process.returncode}: {said}"


@pytest.fixture
def stage(request: pytest.FixtureRequest, text: str, tmp_path: Path) -> Iterator[Stage]:
    tool = program("tests", "traffic_tool")
    size = int(subprocess.check_output([tool, "tally_bytes"], text=True))
    scenario = request.node.callspec.params["scenario"]
    thing = str(tmp_path / "numbers") if scenario == "structure" else text[1:]
    memory = smipc.NamedSharedMemory(f"{text}-tally", size, handle_existence=Flags.RAISE_IF_EXISTS)
    with memoryview(memory.buf).cast("B").cast("Q") as tally:
        stage = Stage(tool, thing, memory.name, tally)
        yield stage
        stage.close()
    with contextlib.suppress(FileNotFoundError):  # on Windows most go by themselves
        SCENARIOS[scenario].remove(thing)


@pytest.mark.timeout(WATCHDOG_SECONDS * 2 + KILLS)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_kills_at_random(scenario: str, stage: Stage) -> None:
    plan = SCENARIOS[scenario]
    for role in (*plan.senders, *plan.receivers):
        stage.start(role)
    receivers_killed = 0
    for kill in range(KILLS):
        if kill % LOOK_EVERY == 0:
            stage.wait_for_traffic()
        time.sleep(random.uniform(0, LONGEST_LIFE))
        victim = random.choice(stage.actors)
        stage.end(victim)
        stage.start(victim.role)
        receivers_killed += victim.role in plan.receivers
    stage.wait_for_traffic()
    if scenario == "channel":
        check_channel(stage)
    if scenario == "queue":
        check_queue(stage, receivers_killed)
    print(f"{scenario}: {KILLS} kills, {stage.tally[DONE]:,} messages or turns")


def check_channel(stage: Stage) -> None:
    """With a message of the living writer's, the reader has checked those of all before it."""

    def has_seen_the_last() -> bool:
        return stage.tally[SEEN] >> 32 == stage.tally[SENDERS_TAKEN] - 1

    stage.wait_until("messages of the last writer", has_seen_the_last)


def check_queue(stage: Stage, receivers_killed: int) -> None:
    for actor in list(stage.actors):
        if actor.role == "queue_sender":
            stage.end(actor)
    sent = stage.tally[SENT : SENT + stage.tally[SENDERS_TAKEN]].tolist()
    counts = stage.tally.cast("B")[(SENT + SENDERS) * 8 :]

    def of_sender(sender: int) -> bytes:
        return bytes(counts[sender * PER_SENDER : (sender + 1) * PER_SENDER])

    def missing() -> int:
        return sum(of_sender(sender)[:number].count(0) for sender, number in enumerate(sent))

    with smipc.NamedMessageQueue(stage.object) as queue:
        stage.wait_until("it is not emptied", lambda: queue.current_messages == 0)
    what = f"more missing than the {receivers_killed} that killed receivers had in hand"
    stage.wait_until(what, lambda: missing() <= receivers_killed)
    for sender, number in enumerate(sent):
        came = of_sender(sender)
        assert max(came) <= 1, f"message {came.index(max(came))} of {sender} came twice"
        assert not any(came[number + 1 :]), f"{sender} had sent {number}"
