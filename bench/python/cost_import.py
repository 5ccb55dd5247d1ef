"""What `import MODULE` costs beyond starting a bare interpreter, in ms: the difference of two
medians of processes started in turn, so that a slow second of the machine counts for both."""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
from time import perf_counter_ns

NOT_OFFERED = 77


def start_ms(code: str) -> float:
    began = perf_counter_ns()
    subprocess.run([sys.executable, "-c", code], check=True)
    return (perf_counter_ns() - began) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("module")
    parser.add_argument("--pairs", type=int, default=15)
    options = parser.parse_args()
    if importlib.util.find_spec(options.module) is None:
        print("not installed", file=sys.stderr)
        sys.exit(NOT_OFFERED)
    statement = f"import {options.module}"
    start_ms(statement)  # compiles it to bytecode, reads the files
    bare, loaded = [], []
    for _ in range(options.pairs):
        bare.append(start_ms("pass"))
        loaded.append(start_ms(statement))
    above = statistics.median(loaded) - statistics.median(bare)
    print(json.dumps({"value": above, "unit": "ms", "bare_ms": statistics.median(bare)}))


if __name__ == "__main__":
    main()
