"""The figures of a growth run: from samples to the points of each curve, and to the Markdown that
is published."""

from __future__ import annotations

from dataclasses import replace

from .growth_scenarios import TIME, Curve, Part, parts
from .summary import STATES, Figure, Sample, Summary
from .tables import described, number, table

PER_NS = {"ns": 1.0, "us": 1e3}


def with_second_figures(samples: list[Sample]) -> list[Sample]:
    """And for each figure that a result has "also", a sample with it as its value, of a scenario
    with the figure's name appended to its own."""
    found = list(samples)
    for sample in samples:
        for name, result in sample.result.get("also", {}).items():
            found.append(replace(sample, scenario=f"{sample.scenario}.{name}", result=result))
    return found


def summary_of(samples: list[Sample]) -> Summary:
    scenarios = {}
    for part in parts():
        for curve in part.curves:
            unit = curve.unit if curve.also else curve.scenario.unit
            scenarios[curve.key] = replace(curve.scenario, key=curve.key, unit=unit)
    known = [sample for sample in with_second_figures(samples) if sample.scenario in scenarios]
    seen = {sample.scenario for sample in known}
    return Summary([s for key, s in scenarios.items() if key in seen], known)


def shown(curve: Curve, point: float, figure: Figure) -> Figure:
    """The figure in the curve's unit. Times are in ns; that of a message is one over their rate, so
    that the least of one comes from the most of the other."""
    unit = curve.scenario.unit
    if curve.unit == TIME and unit == "M/s":
        return Figure(figure.count, 1e3 / figure.median, 1e3 / figure.high, 1e3 / figure.low)
    factor = 1.0
    if curve.unit == TIME:
        factor = PER_NS[unit]
    elif curve.unit == "GB/s" and unit == "M/s":
        factor = point * 1e6 / 1e9
    return Figure(figure.count, *(v * factor for v in (figure.median, figure.low, figure.high)))


def figures_of(summary: Summary, part: Part, curve: Curve) -> list[Figure | None]:
    """One for each point; None where there is no sample in the state that is shown."""
    scenario = next((s for s in summary.scenarios if s.key == curve.key), None)
    if scenario is None:
        return [None] * len(part.points)
    state = summary.best_state(scenario)
    found = []
    for point, label in zip(part.points, part.labels, strict=True):
        figure = summary.figure(curve.key, label, state) if point >= curve.begins else None
        found.append(shown(curve, point, figure) if figure else None)
    return found


def curves_with_figures(summary: Summary, part: Part) -> list[tuple[Curve, list[Figure | None]]]:
    pairs = [(curve, figures_of(summary, part, curve)) for curve in part.curves]
    return [(curve, figures) for curve, figures in pairs if any(figures)]


def duration(time_ns: float) -> str:
    """Three significant digits, in the unit that fits."""
    for factor, unit in ((1e9, "s"), (1e6, "ms"), (1e3, "us")):
        if time_ns >= factor:
            return f"{number(time_ns / factor)} {unit}"
    return f"{number(time_ns)} ns"


def cell(curve: Curve, figure: Figure | None) -> str:
    if figure is None:
        return "-"
    return duration(figure.median) if curve.unit == TIME else number(figure.median)


def part_table(summary: Summary, part: Part) -> str:
    """The points of a part, one in a row; nothing when no curve of it was measured."""
    columns = curves_with_figures(summary, part)
    if not columns:
        return ""
    heads = [curve.name + ("" if curve.unit == TIME else f", {curve.unit}") for curve, _ in columns]
    rows = [
        [label, *(cell(curve, figures[row]) for curve, figures in columns)]
        for row, label in enumerate(part.labels)
    ]
    return table([part.over, *heads], rows)


def growth_report(summary: Summary, machine: dict[str, object], started: str, command: str) -> str:
    """What docs/benchmarks.md shows."""
    states = sorted(
        {summary.best_state(s) for s in summary.scenarios if s.placed}, key=STATES.index
    )
    cores = f" Cores {' or '.join(states)}." if states else ""
    text = f"{described(machine, started)} Medians.{cores} Made by `{command}`."
    picture = "![Six panels: how times, rates and memory grow](growth.png)"
    tables = [part_table(summary, part) for part in parts()]
    return "\n\n".join([picture, text, *(found for found in tables if found)])
