"""Where a figure of `smipc bench` comes from: the machine, and whether it is busy."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import smipc


@dataclass(frozen=True)
class Machine:
    processor: str
    cores: int  # that this process may use
    system: str
    python: str
    smipc: str
    load_average: float | None  # of the last minute; None where the system does not tell (Windows)

    def line(self) -> str:
        cores = f"{self.cores} core{'' if self.cores == 1 else 's'}"
        return f"{self.processor}, {cores}, {self.system}, Python {self.python}, smipc {self.smipc}"

    def warnings(self) -> list[str]:
        found = []
        if self.cores < 2:
            found.append("both processes have to share one core: each waits for the other's turn")
        if self.load_average is not None and self.load_average > self.cores / 4:
            found.append(
                f"this machine is busy (load average {self.load_average:.2f}): "
                "what else runs makes these figures worse"
            )
        return found


def look() -> Machine:
    return Machine(
        processor=processor(),
        cores=_cores(),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=platform.python_version(),
        smipc=smipc.__version__,
        load_average=_load_average(),
    )


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _load_average() -> float | None:
    try:
        return os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    except OSError:
        return None


def processor() -> str:
    """As its maker calls it; on Linux with its numbers, as virtual machines call several alike."""
    return _name_of_processor() or platform.processor() or platform.machine() or "unknown"


def _name_of_processor() -> str:
    try:
        if sys.platform == "win32":
            import winreg

            path = r"HARDWARE\DESCRIPTION\System\CentralProcessor\0"
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, path) as key:
                return str(winreg.QueryValueEx(key, "ProcessorNameString")[0]).strip()
        if sys.platform == "darwin":
            command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
            return subprocess.run(command, capture_output=True, text=True).stdout.strip()
        text = Path("/proc/cpuinfo").read_text()
        name, family, model = (
            re.search(rf"^{field}\s*:\s*(.+)$", text, re.M)
            for field in ("model name", "cpu family", r"model\t")
        )
        numbers = f", family {family[1]}, model {model[1]}" if family and model else ""
        return name[1].strip() + numbers if name else ""
    except OSError:
        return ""
