"""`smipc bench`: how fast smipc is on this machine, from Python to Python, in some ten seconds."""

from __future__ import annotations

import argparse
import json
import os

from smipc import SmipcError, bench, bench_machine, bench_plot, bench_view
from smipc.bench_messages import LARGEST_MESSAGE
from smipc.cli_sizes import byte_count, capacity

_SIZES = [64, 4096, 1 << 20]
_CAPACITY = 1 << 20
_SECONDS = 8.0
_MOST_SECONDS = 86_400


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Measures with a second process that it starts: round trips and messages one way, "
        "from Python to Python, each message checked. The long benchmarks, of C++ and against "
        "other libraries, are in the repository's bench/."
    )
    parser.add_argument(
        "--sizes",
        type=_sizes,
        default=_SIZES,
        metavar="BYTES,...",
        help="of the messages, 0 and up; default: " + ",".join(map(str, _SIZES)),
    )
    parser.add_argument(
        "--seconds",
        type=_seconds,
        default=_SECONDS,
        help=f"to measure, all sizes together; default: {_SECONDS:g}",
    )
    parser.add_argument(
        "--capacity",
        type=capacity,
        default=_CAPACITY,
        metavar="BYTES",
        help=f"of each channel, 1 and up; larger messages pass in pieces; default: {_CAPACITY}",
    )
    parser.add_argument(
        "--wait",
        choices=("hybrid", "spin", "block"),
        default="hybrid",
        help="what both ends do while they wait; default: hybrid",
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument(
        "--plot", metavar="FILE.png", help="draw the round trips' percentiles (needs matplotlib)"
    )


def run(arguments: argparse.Namespace) -> int:
    options = bench.Options(arguments.sizes, arguments.seconds, arguments.capacity, arguments.wait)
    try:
        machine, results = _measure(options, arguments)
    except (OSError, SmipcError) as error:
        if not arguments.json:
            raise
        print(json.dumps({"ok": False, "error": str(error)}))
        return 1
    if arguments.json:
        print(json.dumps(bench_view.as_object(machine, options, results)))
    else:
        bench_view.show(results)
    if arguments.plot is not None:
        bench_plot.draw(machine, options, results, arguments.plot)
    return 0


def _measure(
    options: bench.Options, arguments: argparse.Namespace
) -> tuple[bench_machine.Machine, list[bench.SizeResult]]:
    if arguments.plot is not None:
        bench_plot.check(arguments.plot)
    machine = bench_machine.look()
    if not arguments.json:
        print(*bench_view.headline(machine, options), sep="\n", flush=True)
    with bench.session(options) as session:
        if not arguments.json:
            pids = f"pid {os.getpid()} and pid {session.pid}"
            print(f"measuring for about {options.seconds:g} s, {pids}", flush=True)
        results = session.measure(options)
        session.finish()
    return machine, results


def _sizes(text: str) -> list[int]:
    """Each size once, in the order given."""
    return list(dict.fromkeys(byte_count(one, 0, LARGEST_MESSAGE) for one in text.split(",")))


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= _MOST_SECONDS:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number of seconds above 0, up to {_MOST_SECONDS}"
        )
    return value
