"""Puts the result of a run into the documents that show it: between their markers, and nowhere
else."""

from __future__ import annotations

import shutil
from pathlib import Path

from .programs import ROOT

DOCUMENTS = ("README.md", "docs/benchmarks.md")


def markers(section: str) -> tuple[str, str]:
    return f"<!-- {section}:begin -->", f"<!-- {section}:end -->"


def between_markers(document: str, text: str, section: str) -> str | None:
    """The document with `text` between the section's markers; None when it has none."""
    first, last = markers(section)
    before, begin, rest = document.partition(first)
    _, end, after = rest.partition(last)
    if not begin or not end:
        return None
    return f"{before}{first}\n{text}\n{last}{after}"


def publish(text: str, picture: Path, root: Path = ROOT, section: str = "benchmarks") -> list[Path]:
    changed = []
    for name in DOCUMENTS:
        path = root / name
        updated = between_markers(path.read_text(), text, section) if path.exists() else None
        if updated is not None:
            path.write_text(updated)
            changed.append(path)
    target = root / "docs" / f"{section}.png"
    shutil.copyfile(picture, target)
    return [*changed, target]
