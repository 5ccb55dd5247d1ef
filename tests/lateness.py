"""How late the machine itself is: others take its processors away, and then every promise is late.

A thread sleeps for a moment again and again and notes by how much too long each sleep was.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType

MOMENT_SECONDS = 0.005
PROMISED_SECONDS = 0.1  # within which the survivor of a kill is told

Report = Callable[[list[tuple[float, float]]], None]


class Lateness:
    def __init__(self) -> None:
        self._late: list[tuple[float, float]] = []  # when a sleep ended, how much too late
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self._stop.is_set():
            begin = time.perf_counter()
            time.sleep(MOMENT_SECONDS)
            end = time.perf_counter()
            self._late.append((end, max(0.0, end - begin - MOMENT_SECONDS)))

    def between(self, begin: float, end: float) -> float:
        """Seconds by which the machine was late between two times of time.perf_counter()."""
        return sum(late for at, late in self._late if begin <= at <= end + late)

    def __enter__(self) -> Lateness:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()
