"""How `smipc bench` looks: rich's tables on a terminal, aligned text elsewhere; JSON."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import asdict, dataclass

from smipc.bench import Options, Rate, SizeResult
from smipc.bench_machine import Machine
from smipc.bench_percentiles import SHOWN, needed_for

ENDS = "Python at both ends"
LONG_FORM = "C++, and other libraries beside it: bench/ in the repository, and docs/benchmarks.md"


@dataclass(frozen=True)
class Table:
    title: str
    heads: list[str]
    rows: list[list[str]]


def headline(machine: Machine, options: Options) -> list[str]:
    return [
        machine.line(),
        f"two processes, {ENDS}, wait={options.wait}, channels of {options.capacity:,} bytes",
        *(f"warning: {text}" for text in machine.warnings()),
    ]


def tables(results: list[SizeResult]) -> list[Table]:
    trips = [
        [
            f"{result.size:,}",
            *map(microseconds, result.round_trip.shown.values()),
            f"{result.round_trip.samples:,}",
        ]
        for result in results
    ]
    rates = [
        [f"{result.size:,}", *_rate(result.one_way), *_rate(result.lists)] for result in results
    ]
    return [
        Table("Round trip, us", ["bytes", *SHOWN, "round trips"], trips),
        Table(
            "One way, one message a call and in lists",
            ["bytes", "messages/s", "GB/s", "lists: messages/s", "lists: GB/s"],
            rates,
        ),
    ]


def footnotes(results: list[SizeResult]) -> list[str]:
    missing = [
        name for name in SHOWN if any(result.round_trip.shown[name] is None for result in results)
    ]
    notes = []
    if missing:
        needs = ", ".join(f"{name} needs {needed_for(name):,}" for name in missing)
        notes.append(f"-: too few round trips ({needs}); a larger --seconds makes more")
    if any(result.lists is None for result in results):
        notes.append("-: messages of this size are not sent in lists")
    return [*notes, f"This is {ENDS}. {LONG_FORM}."]


def show(results: list[SizeResult]) -> None:
    if sys.stdout.isatty() and importlib.util.find_spec("rich"):
        _show_rich(tables(results))
    else:
        for table in tables(results):
            print("", *plain(table), sep="\n")
    print("", *footnotes(results), sep="\n")


def plain(table: Table) -> list[str]:
    widths = [max(map(len, column)) for column in zip(table.heads, *table.rows, strict=True)]
    return [
        table.title,
        *(
            "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
            for line in (table.heads, *table.rows)
        ),
    ]


def _show_rich(shown: list[Table]) -> None:
    from rich import box, console, table  # type: ignore[import-not-found, unused-ignore]

    for one in shown:
        grid = table.Table(title=one.title, title_justify="left", box=box.SIMPLE_HEAD)
        for head in one.heads:
            grid.add_column(head, justify="right")
        for row in one.rows:
            grid.add_row(*row)
        console.Console().print(grid)


def as_object(machine: Machine, options: Options, results: list[SizeResult]) -> dict[str, object]:
    return {
        "ok": True,
        "machine": asdict(machine),
        "warnings": machine.warnings(),
        "ends": ENDS,
        "wait": options.wait,
        "capacity_bytes": options.capacity,
        "seconds": options.seconds,
        "sizes": [
            {
                "size_bytes": result.size,
                "round_trips": result.round_trip.samples,
                "round_trip_us": result.round_trip.shown,
                "one_way": asdict(result.one_way),
                "lists": result.lists and asdict(result.lists),
            }
            for result in results
        ],
    }


def microseconds(value: float | None) -> str:
    return "-" if value is None else f"{value:,.2f}"


def _rate(rate: Rate | None) -> list[str]:
    if rate is None:
        return ["-", "-"]
    return [f"{rate.messages_per_second:,.0f}", f"{rate.gigabytes_per_second:,.3f}"]
