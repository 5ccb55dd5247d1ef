"""From samples to figures: the state of each sample, medians within a state, multiples of the
limit."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .catalogue import Scenario

STATES = ("near", "far", "sibling", "mixed")


@dataclass(frozen=True)
class Thresholds:
    """Of the probe's round trip. Between near and far, and when the probes differ, a sample is
    mixed."""

    sibling_below_ns: float = 75.0  # two hardware threads of one core
    near_below_ns: float = 250.0
    far_above_ns: float = 350.0

    def state(self, before_ns: float, after_ns: float) -> str:
        before, after = self.state_of_probe(before_ns), self.state_of_probe(after_ns)
        return before if before == after else "mixed"

    def state_of_probe(self, round_trip_ns: float) -> str:
        if round_trip_ns < self.sibling_below_ns:
            return "sibling"
        if round_trip_ns < self.near_below_ns:
            return "near"
        return "far" if round_trip_ns > self.far_above_ns else "mixed"


@dataclass(frozen=True)
class Sample:
    scenario: str
    label: str
    round: int
    state: str
    probe_before_ns: float
    probe_after_ns: float
    result: dict[str, Any]

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class Figure:
    """A contestant in a scenario and a state, in the scenario's unit."""

    count: int
    median: float
    low: float
    high: float


def value_in(unit: str, result: dict[str, Any]) -> float:
    """The result of a program in the unit of the tables."""
    value = float(result["value"])
    if unit == "GB/s":
        return float(result["bytes_per_second"]) / 1e9
    if unit in ("M/s", "k/s"):
        return value / {"M/s": 1e6, "k/s": 1e3}[unit]
    if unit == "us" and result["unit"] == "ns":
        return value / 1e3
    if unit == "KiB":
        return value / 1024
    if result["unit"] != unit:
        raise ValueError(f"{result['unit']} where {unit} was expected")
    return value


class Summary:
    """Figures by scenario, label and state. The state "any" holds for scenarios in which the
    placement does not matter."""

    def __init__(self, scenarios: list[Scenario], samples: list[Sample]) -> None:
        self.scenarios = scenarios
        by_key = {scenario.key: scenario for scenario in scenarios}
        values: dict[tuple[str, str, str], list[float]] = {}
        for sample in samples:
            scenario = by_key[sample.scenario]
            state = sample.state if scenario.placed else "any"
            value = value_in(scenario.unit, sample.result)
            values.setdefault((sample.scenario, sample.label, state), []).append(value)
        self.figures = {
            key: Figure(len(all_), float(np.median(all_)), min(all_), max(all_))
            for key, all_ in values.items()
        }

    def figure(self, scenario: str, label: str, state: str) -> Figure | None:
        return self.figures.get((scenario, label, state))

    def of_limit(self, scenario: Scenario, label: str, state: str) -> float | None:
        """How many times the limit: medians of one state, the limit's unit turned into ours."""
        figure = self.figure(scenario.key, label, state)
        if figure is None or scenario.limit is None:
            return None
        limit = self.figure(*scenario.limit, state)
        if limit is None:
            return None
        units = scenario.unit, self.unit_of_limit(scenario)
        factor = {("us", "ns"): 1e3, ("ns", "us"): 1e-3}.get(units, 1.0)
        return figure.median * factor / limit.median if limit.median else None

    def unit_of_limit(self, scenario: Scenario) -> str:
        key = scenario.limit[0] if scenario.limit else scenario.key
        return next(other.unit for other in self.scenarios if other.key == key)

    def best_state(self, scenario: Scenario) -> str:
        """The state to show where only one can be: the one that most contestants were seen in, near
        before far, and never mixed."""
        if not scenario.placed:
            return "any"
        seen = {state: len(self.ranked(scenario, state)) for state in STATES}
        return max(STATES[:-1], key=lambda state: seen[state])

    def ranked(self, scenario: Scenario, state: str) -> list[tuple[str, Figure]]:
        """The contestants that have a figure, best first."""
        found = [
            (entry.label, figure)
            for entry in scenario.entries
            if (figure := self.figure(scenario.key, entry.label, state)) is not None
        ]
        found.sort(key=lambda pair: pair[1].median, reverse=not scenario.less_is_better)
        return found
