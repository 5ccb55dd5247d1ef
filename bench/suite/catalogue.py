"""What a scenario is, and which ones a run takes.

A scenario's `limit` names the entry, in it or in another one, that does the same with nothing but
the hardware (and the kernel, where sleeping is the point). Results are also given as multiples of
it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

KIB, MIB = 1 << 10, 1 << 20


@dataclass(frozen=True)
class Entry:
    """One contestant in one scenario: a program and its arguments."""

    label: str
    program: str  # of native/; or a file of python/, with its suffix
    arguments: tuple[str, ...]
    role: str = "peer"  # limit, smipc or peer
    length: str = "section"  # what sets how long it runs: section, idle, pairs or fixed
    wrapper: tuple[str, ...] = ()  # the command that runs it, if another one does


@dataclass(frozen=True)
class Scenario:
    key: str
    title: str
    unit: str  # of the tables; per second means that more is better
    entries: tuple[Entry, ...]
    limit: tuple[str, str] | None = None  # scenario key, entry label
    rounds: int | None = None  # at most so many, where repeating adds little
    placed: bool = True  # whether near and far are told apart

    @property
    def less_is_better(self) -> bool:
        return not self.unit.endswith("/s")


def entry(label: str, program: str, kind: str, role: str = "peer", **options: object) -> Entry:
    words = [kind]
    for name, value in options.items():
        words += ["--" + name.replace("_", "-"), str(value)]
    return Entry(label, program, tuple(words), role)


def all_scenarios() -> list[Scenario]:
    from . import (
        circular_scenarios,
        condition_scenarios,
        cost_scenarios,
        native_scenarios,
        python_scenarios,
    )

    parts = (
        native_scenarios,
        python_scenarios,
        circular_scenarios,
        cost_scenarios,
        condition_scenarios,
    )
    return [scenario for part in parts for scenario in part.scenarios()]


def select(scenarios: list[Scenario], pattern: str | None) -> list[Scenario]:
    """Those whose "key/label", or label, begins with the pattern (or matches it, when it has
    wildcards), and the limits that they are compared with."""
    if not pattern:
        return scenarios

    def matches(scenario: Scenario, one: Entry) -> bool:
        name = f"{scenario.key}/{one.label}"
        if set(pattern) & set("*?["):
            return fnmatchcase(name, pattern)
        return name.startswith(pattern) or one.label.startswith(pattern)

    pairs = [(scenario, one) for scenario in scenarios for one in scenario.entries]
    matching = [scenario for scenario, one in pairs if matches(scenario, one)]
    wanted = {(scenario.key, one.label) for scenario, one in pairs if matches(scenario, one)}
    wanted |= {scenario.limit for scenario in matching if scenario.limit}
    chosen = []
    for scenario in scenarios:
        entries = tuple(e for e in scenario.entries if (scenario.key, e.label) in wanted)
        if entries:
            chosen.append(replace(scenario, entries=entries))
    return chosen
