#!/usr/bin/env python3
"""Runs the benchmarks: smipc against the machine's limits and against its peers, in one interleaved
run.

    python bench/run.py                     all of it, five rounds; about ten minutes
    python bench/run.py --quick             one short round: does everything work?
    python bench/run.py --only cpp.oneway   a part of it
    python bench/run.py --publish           and put the result into the README and docs/
    python bench/run.py --growth            instead: how cost grows, with size, channels, ...
    python bench/run.py --report FOLDER     tables and plot again, from an earlier run

docs/benchmarks.md says what each figure means. Needs the extra: pip install '.[bench]'.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.markdown import Markdown
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from suite import growth_plot, growth_scenarios, growth_tables, machine, publish, sampling
from suite.catalogue import Scenario, all_scenarios, select
from suite.plot import draw
from suite.programs import BUILD, BuildError, Programs
from suite.summary import Sample, Summary, Thresholds
from suite.tables import described, full_report, goals_table, overview

EXTRA_ROUNDS = 3  # times the rounds asked for, to fill up the near state

console = Console()


class Rendered(NamedTuple):
    """What a run publishes, and which section of the documents it goes into."""

    text: str
    picture: Path
    section: str


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--growth", action="store_true", help="how cost grows, instead of the comparison"
    )
    parser.add_argument("--quick", action="store_true", help="one round of short samples")
    parser.add_argument("--rounds", type=int, help="samples of each contestant (5; quick: 1)")
    parser.add_argument(
        "--only", metavar="PATTERN", help="entries whose scenario or label begins so"
    )
    parser.add_argument("--out", type=Path, help="folder for the results (build/bench/DATE)")
    parser.add_argument("--near", action="store_true", help="go on until each has its samples near")
    parser.add_argument("--build", type=Path, default=BUILD, help="folder for the native programs")
    parser.add_argument("--installed", action="store_true", help="measure the installed smipc")
    parser.add_argument("--publish", action="store_true", help="update README.md and docs/")
    parser.add_argument("--list", action="store_true", help="print the entries and stop")
    parser.add_argument("--report", type=Path, metavar="FOLDER", help="render an earlier run again")
    parser.add_argument(
        "--lock",
        type=Path,
        default=Path(tempfile.gettempdir(), "smipc-bench.lock"),
        help="held during the run, so that there is only one on the machine (%(default)s)",
    )
    arguments = parser.parse_args()
    arguments.rounds = arguments.rounds or (1 if arguments.quick else 5)
    return arguments


@contextmanager
def only_run(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.print(f"another run holds {path}; waiting")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def measure(arguments: argparse.Namespace, scenarios: list[Scenario]) -> dict[str, Any]:
    programs = Programs(arguments.build, arguments.installed)
    console.print("building the native programs")
    programs.build()
    shared = {path.name for path in Path("/dev/shm").glob("iox2_*")}
    lengths = sampling.QUICK if arguments.quick else sampling.FULL
    started = datetime.now(timezone.utc).isoformat(timespec="seconds")
    sampler = sampling.Sampler(programs, lengths, Thresholds())
    try:
        show_progress(sampler, arguments, scenarios)
    except KeyboardInterrupt:
        console.print("interrupted: the results are of the samples taken so far")
    finally:
        sampling.sweep_leftovers(shared)
    return {
        "started": started,
        "growth": arguments.growth,
        "command": " ".join(["python", "bench/run.py", *sys.argv[1:]]),
        "machine": machine.describe(),
        "scenarios": [scenario.key for scenario in scenarios],
        "samples": [sample.as_dict() for sample in sampler.samples],
        "absent": [[*key, why] for key, why in sampler.absent.items()],
        "failures": sampler.failures,
    }


def show_progress(
    sampler: sampling.Sampler, arguments: argparse.Namespace, scenarios: list[Scenario]
) -> None:
    steps = list(sampling.rounds(scenarios, arguments.rounds))
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=len(steps))

        def take(step: sampling.Step) -> None:
            round_number, scenario, entry = step
            progress.update(task, description=f"{scenario.key}: {entry.label}")
            sampler.take(scenario, entry, round_number)
            progress.advance(task)

        for step in steps:
            take(step)
        if arguments.near:
            progress.update(task, total=None)
            most = EXTRA_ROUNDS * arguments.rounds
            for step in sampling.top_up(
                sampler, scenarios, arguments.rounds, arguments.rounds, most
            ):
                take(step)


def write_report(results: dict[str, Any], summary: Summary, folder: Path) -> None:
    absent = {(scenario, label): why for scenario, label, why in results["absent"]}
    origin = results["machine"], results["started"], results["command"]
    report = full_report(summary, *origin, absent, results["failures"])
    (folder / "report.md").write_text(report)


def show(results: dict[str, Any], folder: Path, parts: list[str], files: str) -> None:
    for part in parts:
        if console.is_terminal:
            console.print(Markdown(part))
        else:
            console.print(part + "\n", markup=False, highlight=False, soft_wrap=True)
    for scenario, label, why in results["failures"]:
        console.print(f"[red]failed[/red] {scenario} / {label}: {why}", soft_wrap=True)
    console.print(f"{folder}/report.md, {files}, results.json", soft_wrap=True)


def render(results: dict[str, Any], folder: Path) -> Rendered:
    """Writes report.md, overview.md and plot.png."""
    chosen = set(results["scenarios"])
    scenarios = [scenario for scenario in all_scenarios() if scenario.key in chosen]
    summary = Summary(scenarios, [Sample(**sample) for sample in results["samples"]])
    origin = results["machine"], results["started"]
    write_report(results, summary, folder)
    text = overview(summary, *origin, results["command"])
    (folder / "overview.md").write_text(text + "\n")
    draw(summary, described(*origin), folder / "plot.png")
    show(results, folder, [text, goals_table(summary)], "overview.md, plot.png")
    return Rendered(text, folder / "plot.png", "benchmarks")


def render_growth(results: dict[str, Any], folder: Path) -> Rendered:
    """Writes report.md, growth.md and growth.png."""
    summary = growth_tables.summary_of([Sample(**sample) for sample in results["samples"]])
    origin = results["machine"], results["started"]
    write_report(results, summary, folder)
    text = growth_tables.growth_report(summary, *origin, results["command"])
    (folder / "growth.md").write_text(text + "\n")
    growth_plot.draw(summary, described(*origin), folder / "growth.png")
    show(results, folder, [text], "growth.md, growth.png")
    return Rendered(text, folder / "growth.png", "growth")


def main() -> int:
    arguments = parse_arguments()
    if arguments.report:
        results = json.loads((arguments.report / "results.json").read_text())
        folder = arguments.report
    else:
        known = growth_scenarios.scenarios() if arguments.growth else all_scenarios()
        scenarios = select(known, arguments.only)
        if arguments.list or not scenarios:
            for scenario in scenarios:
                console.print("\n".join(f"{scenario.key}/{e.label}" for e in scenario.entries))
            return 0 if scenarios else 2
        if (os.cpu_count() or 1) < 2:
            console.print("two cores are needed")
            return 2
        folder = arguments.out or arguments.build / datetime.now().strftime("%Y%m%d-%H%M%S")
        folder.mkdir(parents=True, exist_ok=True)
        with only_run(arguments.lock):
            try:
                results = measure(arguments, scenarios)
            except BuildError as error:
                console.print(str(error), markup=False)
                return 2
        (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    rendered = render_growth(results, folder) if results.get("growth") else render(results, folder)
    if arguments.publish:
        for path in publish.publish(rendered.text, rendered.picture, section=rendered.section):
            console.print(f"updated {path}")
    return 1 if results["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
