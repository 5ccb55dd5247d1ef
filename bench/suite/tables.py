"""The Markdown of a run: the overview for the README, and the report with every figure."""

from __future__ import annotations

from collections.abc import Iterable

from .catalogue import Entry, Scenario
from .goals import judge
from .summary import STATES, Summary

CPP_COLUMNS = {
    "cpp.roundtrip": "round trip 64 B",
    "cpp.roundtrip.asleep": "the same, asleep",
    "cpp.oneway.1M": "64 B messages",
    "cpp.batch": "64 B in batches",
    "cpp.copy.64K": "64 KiB",
    "cpp.copy.1M": "1 MiB",
    "cpp.copy.16M": "16 MiB",
}
PYTHON_COLUMNS = {
    "py.roundtrip": "round trip 64 B",
    "py.roundtrip.asleep": "the same, asleep",
    "py.oneway": "64 B messages",
    "py.batch": "64 B in lists",
    "py.array.1M": "float32 1 MiB",
    "py.array.16M": "float32 16 MiB",
    "py.object": "small dicts",
}
# Not compared in the overview: what only some can do, or a user's program seldom does.
SPECIAL = ("read in place", "prepared messages")
LIMIT_ROW = "*the machine's limit*"


def number(value: float) -> str:
    """Three significant digits, without an exponent."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    digits = 2 if abs(value) < 1 else 1 if abs(value) >= 10 else 2
    return f"{value:.{digits}f}" if abs(value) >= 0.1 else f"{value:.2g}"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heads = list(head)
    lines = ["| " + " | ".join(heads) + " |", "|---|" + "---:|" * (len(heads) - 1)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def family(entry: Entry) -> str:
    """The row of the overview: variants of one contestant share it, and the best one is shown."""
    if entry.role == "limit":
        return LIMIT_ROW
    name = entry.label.split(",")[0].split(" (")[0]
    return f"**{name}**" if entry.role == "smipc" else name


def overview_table(summary: Summary, columns: dict[str, str]) -> str:
    scenarios = {s.key: s for s in summary.scenarios if s.key in columns}
    if not scenarios:
        return ""
    cells: dict[str, dict[str, str]] = {}
    for key, scenario in scenarios.items():
        state = summary.best_state(scenario)
        by_label = {entry.label: entry for entry in scenario.entries}
        for label, figure in summary.ranked(scenario, state):
            if label.endswith(SPECIAL):
                continue
            row = cells.setdefault(family(by_label[label]), {})
            row.setdefault(key, number(figure.median))
        if scenario.limit and scenario.limit[0] == key:
            limit = summary.figure(*scenario.limit, state)
            if limit:
                cells[LIMIT_ROW][key] = number(limit.median)
    heads = [f"{columns[key]}, {scenario.unit}" for key, scenario in scenarios.items()]
    rows = [
        [name, *(cells[name].get(key, "-") for key in scenarios)]
        for name in sorted(cells, key=lambda name: (name != LIMIT_ROW, not name.startswith("**")))
    ]
    return table(["", *heads], rows)


def conditions_table(summary: Summary) -> str:
    """The scenarios of condition_scenarios.py: what is measured is across, where it is down."""
    scenarios = [s for s in summary.scenarios if s.key.startswith("under.")]
    labels = {entry.label: None for scenario in scenarios for entry in scenario.entries}
    if not labels:
        return ""

    def cell(scenario: Scenario, label: str) -> str:
        figure = summary.figure(scenario.key, label, summary.best_state(scenario))
        return number(figure.median) if figure else "-"

    heads = [f"{s.title.removesuffix(', elsewhere')}, {s.unit}" for s in scenarios]
    rows = [[label, *(cell(scenario, label) for scenario in scenarios)] for label in labels]
    return table(["smipc", *heads], rows)


def costs_table(summary: Summary) -> str:
    rows = []
    for scenario in summary.scenarios:
        if scenario.key.startswith("cost.") or scenario.key == "py.asyncio":
            state = summary.best_state(scenario)
            for entry in scenario.entries:
                figure = summary.figure(scenario.key, entry.label, state)
                if figure:
                    cell = f"{number(figure.median)} {scenario.unit}"
                    rows.append([f"{scenario.title}: {entry.label}", cell])
    return table(["", "median"], rows) if rows else ""


def described(machine: dict[str, object], started: str) -> str:
    return (
        f"{machine['processor']}{' (virtual)' if machine['virtual'] else ''}, "
        f"{machine['cores']} cores, {machine['system']}, {machine['compiler']}, "
        f"Python {machine['python']}, {started[:10]}."
    )


def overview(summary: Summary, machine: dict[str, object], started: str, command: str) -> str:
    """What the README shows."""
    states = sorted(
        {summary.best_state(s) for s in summary.scenarios if s.placed}, key=STATES.index
    )
    cores = f"cores {' or '.join(states)}" if states else "placement of the cores irrelevant"
    return "\n\n".join(
        part
        for part in (
            f"{described(machine, started)} Two processes on two cores; "
            f"medians, of each contestant the best way; {cores}. Made by `{command}`.",
            overview_table(summary, CPP_COLUMNS),
            overview_table(summary, PYTHON_COLUMNS),
            conditions_table(summary),
            costs_table(summary),
        )
        if part
    )


def goals_table(summary: Summary) -> str:
    verdicts = judge(summary)
    if not verdicts:
        return "No figures that a goal is set for."

    def bound(value: float | None, met: bool | None) -> str:
        return "" if value is None else f"{number(value)} {'met' if met else '**missed**'}"

    rows = [
        [
            v.goal.measure,
            f"{number(v.measured)} {v.unit}",
            bound(v.goal.must, v.meets_must),
            bound(v.goal.aim, v.meets_aim),
            str(v.count),
        ]
        for v in verdicts
    ]
    return table(["measure", "median", "must", "aim", "samples"], rows)


def scenario_table(summary: Summary, scenario: Scenario, absent: dict[tuple[str, str], str]) -> str:
    states = STATES[:-1] if scenario.placed else ("any",)
    seen = [s for s in states if summary.ranked(scenario, s)]
    parts = [f"### {scenario.title} ({scenario.unit})", f"`{scenario.key}`"]
    if seen:
        heads = ["contestant"]
        for state in seen:
            name = "median" if state == "any" else state
            heads += [name, "min to max", "samples"] + ["x limit"] * bool(scenario.limit)
        order = [label for label, _ in summary.ranked(scenario, seen[0])]
        order += [e.label for e in scenario.entries if e.label not in order]
        rows = [[label, *state_cells(summary, scenario, label, seen)] for label in order]
        measured = [row for row in rows if any(cell for cell in row[1:])]
        parts.append(table(heads, measured))
    mixed = sum(
        figure.count for (key, _, state), figure in summary.figures.items()
        if key == scenario.key and state == "mixed"
    )  # fmt: skip
    notes = [f"- {e.label}: {absent[scenario.key, e.label]}" for e in scenario.entries
             if (scenario.key, e.label) in absent]  # fmt: skip
    if mixed:
        notes.append(f"- not shown: {mixed} samples during which the cores were moved")
    if notes:
        parts.append("\n".join(notes))
    return "\n\n".join(parts)


def state_cells(summary: Summary, scenario: Scenario, label: str, states: list[str]) -> list[str]:
    cells = []
    for state in states:
        figure = summary.figure(scenario.key, label, state)
        ratio = summary.of_limit(scenario, label, state)
        if figure is None:
            cells += ["", "", ""]
        else:
            spread = f"{number(figure.low)} to {number(figure.high)}"
            cells += [number(figure.median), spread, str(figure.count)]
        if scenario.limit:
            cells.append("" if ratio is None else number(ratio))
    return cells


def full_report(
    summary: Summary,
    machine: dict[str, object],
    started: str,
    command: str,
    absent: dict[tuple[str, str], str],
    failures: list[tuple[str, str, str]],
) -> str:
    parts = ["# Benchmark run", f"{described(machine, started)} `{command}`"]
    if failures:
        lines = [f"- {scenario} / {label}: {why}" for scenario, label, why in failures]
        parts += ["## Failures", "\n".join(lines)]
    parts += ["## Goals", goals_table(summary), "## Figures"]
    parts += [scenario_table(summary, scenario, absent) for scenario in summary.scenarios]
    return "\n\n".join(parts) + "\n"
