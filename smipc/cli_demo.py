"""`smipc demo`: every file of a folder from one process to another, checked by SHA-256."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys

from smipc import cli_sizes, demo, demo_build, demo_view
from smipc.demo_files import default_folder, list_files


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Sends every file under FOLDER as a message through a channel that is smaller than the "
        "largest of them; the receiver checks each by SHA-256. Exit code 0 only if all came whole."
    )
    parser.add_argument(
        "folder", nargs="?", metavar="FOLDER", help="default: Python's standard library"
    )
    parser.add_argument(
        "--languages",
        choices=demo.LANGUAGES,
        help="of sender and receiver; default: cpp-py, without a C++ compiler py-py",
    )
    parser.add_argument(
        "--capacity",
        type=cli_sizes.capacity,
        metavar="BYTES",
        help="of the channel; default: 256 KiB, or half of the largest file",
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    # For tests: one file is changed (flip:INDEX) or left out (skip:INDEX) by the sender.
    parser.add_argument("--fault", default="", help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    try:
        result = _demo(arguments)
    except OSError as error:
        if not arguments.json:
            raise
        print(json.dumps({"ok": False, "error": str(error)}))
        return 1
    if arguments.json:
        print(json.dumps({"ok": result.ok, **dataclasses.asdict(result)}))
    else:
        print(*demo_view.summary(result), sep="\n")
    return 0 if result.ok else 1


def _demo(arguments: argparse.Namespace) -> demo.Result:
    listing = list_files(arguments.folder or default_folder())
    if not listing.names:
        raise demo.DemoError(f"there are no files under {listing.folder}")
    capacity = arguments.capacity or demo.default_capacity(listing)
    languages = arguments.languages or _default_languages()
    if arguments.json:
        return demo.run(listing, languages, capacity, arguments.fault, demo_view.SilentView())
    print(*demo_view.headline(listing, languages, capacity), sep="\n", flush=True)
    with demo_view.view(listing) as view:
        return demo.run(listing, languages, capacity, arguments.fault, view)


def _default_languages() -> str:
    """cpp-py, unless there is no compiler or it refuses, which is then said."""
    languages = demo.default_languages()
    if languages == "py-py":
        return languages
    try:
        demo_build.program("demo_sender")
    except demo_build.BuildError as error:
        print(f"no C++ sender, so both are Python: {error}", file=sys.stderr)
        return "py-py"
    return languages
