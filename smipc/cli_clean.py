"""`smipc clean`: removes what killed processes have left in shared memory."""

from __future__ import annotations

import argparse
import json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(arguments: argparse.Namespace) -> int:
    from smipc import clean_stale

    removed = clean_stale()
    if arguments.json:
        print(json.dumps({"removed": removed}))
    else:
        print(f"removed {removed} segment{'' if removed == 1 else 's'}")
    return 0
