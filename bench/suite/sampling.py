"""Takes samples: the placement probe, one contestant, the probe again; in rounds, so that whatever
the machine does falls on all alike."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .catalogue import Entry, Scenario
from .programs import BENCH, Programs
from .summary import Sample, Thresholds

NOT_OFFERED = 77
PATIENCE = 60  # seconds that a contestant may take, setting up included


@dataclass(frozen=True)
class Lengths:
    """How long the measured part of a sample is."""

    section: float
    idle: float
    pairs: int

    def arguments(self, entry: Entry) -> list[str]:
        return {
            "section": ["--seconds", str(self.section)],
            "idle": ["--seconds", str(self.idle)],
            "pairs": ["--pairs", str(self.pairs)],
            "fixed": [],
        }[entry.length]


FULL = Lengths(section=0.25, idle=5.0, pairs=15)
QUICK = Lengths(section=0.05, idle=1.0, pairs=5)


@dataclass(frozen=True)
class Outcome:
    """Of one start of one contestant: a result, or the reason for none."""

    result: dict[str, Any] | None
    absent: str = ""
    failed: str = ""


def start(command: list[str], environment: dict[str, str]) -> Outcome:
    process = subprocess.Popen(
        command,
        env=environment,
        cwd=BENCH / "python",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return Outcome(None, failed=f"no result within {PATIENCE} s")
    finally:
        # Both processes of a pair are of this session: nobody is left behind, on Ctrl-C either.
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    lines = err.strip().splitlines() or ["no message"]
    if process.returncode == NOT_OFFERED:
        return Outcome(None, absent=lines[-1])
    if process.returncode != 0:
        return Outcome(None, failed=f"exit code {process.returncode}: {' | '.join(lines[-3:])}")
    try:
        return Outcome(json.loads(out))
    except json.JSONDecodeError:
        return Outcome(None, failed=f"no JSON but {out[:200]!r}")


class Sampler:
    """Takes samples and remembers who is absent, who failed, and what the last probe said."""

    def __init__(self, programs: Programs, lengths: Lengths, thresholds: Thresholds) -> None:
        self.programs = programs
        self.lengths = lengths
        self.thresholds = thresholds
        self.samples: list[Sample] = []
        self.absent: dict[tuple[str, str], str] = {}
        self.failures: list[tuple[str, str, str]] = []
        self.last_probe = self.probe()

    def probe(self) -> float:
        outcome = start(self.programs.probe, self.programs.environment)
        if outcome.result is None:
            raise RuntimeError(f"the placement probe: {outcome.failed or outcome.absent}")
        return float(outcome.result["round_trip_ns"])

    def take(self, scenario: Scenario, entry: Entry, round_number: int) -> Sample | None:
        key = scenario.key, entry.label
        command = self.programs.command(entry)
        if isinstance(command, str):
            self.absent[key] = command
        if key in self.absent:
            return None
        assert isinstance(command, list)
        # The probe after one sample is the probe before the next.
        before = self.last_probe
        outcome = start([*command, *self.lengths.arguments(entry)], self.programs.environment)
        after = self.last_probe = self.probe()
        if outcome.absent:
            self.absent[key] = outcome.absent
        if outcome.failed:
            self.failures.append((*key, outcome.failed))
        if outcome.result is None:
            return None
        state = self.thresholds.state(before, after)
        sample = Sample(*key, round_number, state, before, after, outcome.result)
        self.samples.append(sample)
        return sample

    def count(self, scenario: Scenario, entry: Entry, state: str) -> int:
        key = scenario.key, entry.label
        return sum((s.scenario, s.label) == key and s.state == state for s in self.samples)


Step = tuple[int, Scenario, Entry]


def rounds(scenarios: list[Scenario], number: int) -> Iterator[Step]:
    """Every contestant once a round, each round starting with another one of a scenario."""
    for round_number in range(number):
        for scenario in scenarios:
            if scenario.rounds is None or round_number < scenario.rounds:
                yield from one_round(scenario, round_number)


def one_round(scenario: Scenario, round_number: int) -> Iterator[Step]:
    shift = round_number % len(scenario.entries)
    for entry in (*scenario.entries[shift:], *scenario.entries[:shift]):
        yield round_number, scenario, entry


def top_up(
    sampler: Sampler, scenarios: list[Scenario], wanted: int, first: int, most: int
) -> Iterator[Step]:
    """More rounds, of those scenarios that have a contestant, or a limit, with fewer than `wanted`
    samples in the near state; at most `most` rounds, because the host may never move the cores
    back."""
    by_key = {scenario.key: scenario for scenario in scenarios}
    for round_number in range(first, first + most):
        lacking = [s for s in scenarios if s.placed and lacks(sampler, s, wanted)]
        needed = {s.key for s in lacking} | {s.limit[0] for s in lacking if s.limit}
        if not needed:
            return
        for key in (key for key in by_key if key in needed):
            yield from one_round(by_key[key], round_number)


def lacks(sampler: Sampler, scenario: Scenario, wanted: int) -> bool:
    wanted = min(wanted, scenario.rounds or wanted)
    return any(
        sampler.count(scenario, entry, "near") < wanted
        for entry in scenario.entries
        if (scenario.key, entry.label) not in sampler.absent
    )


def sweep_leftovers(before: set[str], folder: Path = Path("/dev/shm")) -> None:
    """Removes what iceoryx2 leaves in shared memory, unless it was there when the run began."""
    for path in folder.glob("iox2_*"):
        if path.name not in before:
            path.unlink(missing_ok=True)
