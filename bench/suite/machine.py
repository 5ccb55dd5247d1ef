"""What a result has to say about where it comes from."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from smipc.bench_machine import processor

PACKAGES = ("smipc", "cffi", "numpy", "pyzmq", "posix-ipc", "faster-fifo", "iceoryx2")


def first_match(pattern: str, file: str) -> str:
    try:
        found = re.search(pattern, Path(file).read_text())
    except OSError:
        found = None
    return found.group(1).strip() if found else "unknown"


def first_line(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        return "unknown"
    return (done.stdout.splitlines() or ["unknown"])[0]


def version_of(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def describe() -> dict[str, object]:
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "virtual": "hypervisor" in first_match(r"flags\s*:\s*(.*)", "/proc/cpuinfo"),
        "compiler": first_line(os.environ.get("CXX", "c++"), "--version"),
        "python": sys.version.split()[0],
        "packages": {name: version_of(name) for name in PACKAGES},
    }
