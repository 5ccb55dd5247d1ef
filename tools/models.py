"""`python3 tools/dev.py models [--short] [NAME]`: checks the models of native/models with spin.

Each model lists its variants in comments: `good WHAT: OPTIONS` must hold in every state; `fault
WHAT: HOW: OPTIONS` has something taken out, and must fail in that way, or the model could not have
shown that it is needed. `--short` leaves out the variants marked `long`. NAME picks the models
whose name has it.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import dev

FOLDER = dev.ROOT / "native" / "models"
VARIANT = re.compile(r"^// (good|long|fault) ([^:]+): (?:(deadlock|assertion): )?(-D.*)$", re.M)
MOST_MEGABYTES = 2000
MOST_SECONDS = 1800  # a watchdog of each step
# -DCOLLAPSE: states are compressed, nothing is left out of the search.
COMPILE = ("gcc", "-w", "-DSAFETY", "-DCOLLAPSE", "-DVECTORSZ=4096", f"-DMEMLIM={MOST_MEGABYTES}")
WRONG = re.compile(r"^pan:\d+: (.*?) \(at depth", re.M)
NO_SPIN = "spin is not installed (Debian: apt install spin)"


@dataclass(frozen=True)
class Variant:
    model: Path
    kind: str
    what: str
    expected: str  # "", or how it must fail
    options: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.model.stem}: {self.what}"


@dataclass(frozen=True)
class Outcome:
    found: str  # "", or what is wrong
    states: int
    depth: int
    megabytes: float
    seconds: float
    log: str


def main(arguments: list[str]) -> int:
    short = "--short" in arguments
    names = [argument for argument in arguments if argument != "--short"]
    if not ensure_spin():
        dev.warn_loudly(f"The models were NOT checked: {NO_SPIN}")
        return 0
    variants = [
        variant
        for variant in all_variants()
        if (not names or any(name in variant.model.stem for name in names))
        and not (short and variant.kind == "long")
    ]
    if not variants:
        raise dev.DevError(f"no model's name has {' or '.join(names)} in it")
    dev.say(f"{len(variants)} variants of {len({variant.model for variant in variants})} models")
    row = "{:<10} {:<46} {:>10} {:>7} {:>7} {:>6}  {}"
    print(row.format("model", "variant", "states", "depth", "MB", "s", "outcome"), flush=True)
    failed: dict[str, int] = {}
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for variant, outcome in zip(variants, pool.map(check, variants), strict=True):
            fine, text = judge(variant, outcome)
            what = variant.what if variant.kind != "fault" else f"without: {variant.what}"
            print(
                row.format(
                    variant.model.stem,
                    what,
                    outcome.states,
                    outcome.depth,
                    f"{outcome.megabytes:.0f}",
                    f"{outcome.seconds:.1f}",
                    text,
                ),
                flush=True,
            )
            if not fine:
                failed[str(variant)] = 1
                print(outcome.log, flush=True)
    return dev.report(failed or {"models": 0})


def ensure_spin() -> bool:
    if not shutil.which("spin") and shutil.which("apt-get") and os.geteuid() == 0:
        dev.say("installing spin")
        apt = dev.environment(DEBIAN_FRONTEND="noninteractive")
        dev.run("apt-get", "update", "-qq", env=apt)
        dev.run("apt-get", "install", "-y", "-qq", "--no-install-recommends", "spin", env=apt)
    return bool(shutil.which("spin") and shutil.which("gcc"))


def all_variants() -> list[Variant]:
    found = []
    for model in sorted(FOLDER.glob("*.pml")):
        text = model.read_text()
        for kind, what, expected, options in VARIANT.findall(text):
            if (kind == "fault") != bool(expected):
                raise dev.DevError(f"{model.name}: how does {what!r} fail?")
            found.append(Variant(model, kind, what, expected, tuple(shlex.split(options))))
    return found


def check(variant: Variant) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        start = time.monotonic()
        commands: list[tuple[str, ...]] = [
            ("spin", *variant.options, "-a", str(variant.model)),
            (*COMPILE, "-O0" if variant.expected else "-O1", "-o", "pan", "pan.c"),
            ("./pan", "-m200000"),
        ]
        log = ""
        for command in commands:
            try:
                done = subprocess.run(
                    command, cwd=folder, capture_output=True, text=True, timeout=MOST_SECONDS
                )
            except subprocess.TimeoutExpired:
                return Outcome("not done in time", 0, 0, 0, time.monotonic() - start, log)
            log = f"$ {shlex.join(command)}\n{done.stdout}{done.stderr}"
            if done.returncode != 0 or "Error:" in log:
                return Outcome("broken", 0, 0, 0, time.monotonic() - start, log)
        seconds = time.monotonic() - start
    wrong = WRONG.search(log)
    found = wrong[1] if wrong else ""
    if not wrong and ("errors: 0" not in log or "Search not completed" in log):
        found = "not complete"

    def number(pattern: str) -> float:
        match = re.search(pattern, log)
        return float(match[1]) if match else 0

    return Outcome(
        found,
        int(number(r"(\d+) states, stored")),
        int(number(r"depth reached (\d+)")),
        number(r"([\d.]+)\s+total actual memory usage"),
        seconds,
        log,
    )


def judge(variant: Variant, outcome: Outcome) -> tuple[bool, str]:
    if not variant.expected:
        return not outcome.found, outcome.found or "holds"
    words = {"deadlock": "invalid end state", "assertion": "assertion violated"}
    if outcome.found.startswith(words[variant.expected]):
        return True, f"found: {outcome.found}"
    return False, f"NOT FOUND: {outcome.found or 'it holds'}"
