"""Puts the result of a run into the documents that show it: between their markers, and nowhere
else."""

from __future__ import annotations

import shutil
from pathlib import Path

from .programs import ROOT

BEGIN = "<!-- benchmarks:begin -->"
END = "<!-- benchmarks:end -->"
DOCUMENTS = ("README.md", "docs/benchmarks.md")
PICTURE = "docs/benchmarks.png"


def between_markers(document: str, text: str) -> str | None:
    """The document with `text` between its markers; None when it has none."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        return None
    return f"{before}{BEGIN}\n{text}\n{END}{after}"


def publish(text: str, picture: Path, root: Path = ROOT) -> list[Path]:
    changed = []
    for name in DOCUMENTS:
        path = root / name
        updated = between_markers(path.read_text(), text) if path.exists() else None
        if updated is not None:
            path.write_text(updated)
            changed.append(path)
    shutil.copyfile(picture, root / PICTURE)
    return [*changed, root / PICTURE]
