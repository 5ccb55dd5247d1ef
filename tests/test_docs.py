"""The documentation is true: its samples run, its links lead somewhere, and what it says about the
layout in shared memory and about memory orders is what the sources say.

A code block runs when its first line in Markdown says so:

    ```python run            runs, and must end well
    ```python run pair=NAME  runs together with the other blocks of that name, one process each
    ```c run                 is compiled, linked to the library, and runs
    ```c compile             is only compiled
    ```text output           is what the block before it prints

The names of channels in a sample are made unique first. Blocks without a mark are not looked at.
"""

from __future__ import annotations

import itertools
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from programs import ROOT, Process, compiler_for, unique_name

from smipc import demo_build

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SOURCES = [
    path for path in sorted((ROOT / "native" / "src").rglob("*")) if path.suffix in (".h", ".cpp")
]
LAYOUT = ROOT / "native" / "src" / "core" / "layout.h"
CIRCULAR_LAYOUT = LAYOUT.with_name("circular_layout.h")
QUEUE_LAYOUT = LAYOUT.with_name("queue_layout.h")

SUFFIXES = {"python": ".py", "c": ".c", "cpp": ".cpp"}
# Where samples name their channel: the name is a string of its own on these lines.
NAMED = re.compile(
    r"""(?: open_channel | unlink | Writer\ \w+ | Reader\ \w+ | Named\w+ ) [({] \s* b?"([^"]+)"
      | \b(?: name | NAME ) (?:\[\])? \s* = \s* b?"([^"]+)" """,
    re.VERBOSE,
)


@dataclass(frozen=True)
class Block:
    document: Path
    line: int
    language: str
    marks: tuple[str, ...]
    text: str
    output: str | None = None  # what it must print

    @property
    def place(self) -> str:
        return f"{self.document.relative_to(ROOT)}:{self.line}"

    @property
    def pair(self) -> str:
        """Blocks with the same value run together."""
        names = [mark.removeprefix("pair=") for mark in self.marks if mark.startswith("pair=")]
        return f"{self.document}:{names[0]}" if names else self.place


def blocks_of(document: Path) -> list[Block]:
    text = document.read_text()
    found = []
    for match in re.finditer(r"^```(\w+)([^\n]*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        line = text.count("\n", 0, match.start()) + 1
        marks = tuple(match[2].split())
        if marks == ("output",):
            found[-1] = replace(found[-1], output=match[3])
        else:
            found.append(Block(document, line, match[1], marks, match[3]))
    return found


BLOCKS = [block for document in DOCUMENTS for block in blocks_of(document) if block.marks]


def groups() -> list[list[Block]]:
    runnable = sorted((block for block in BLOCKS if "run" in block.marks), key=lambda b: b.pair)
    return [list(group) for _, group in itertools.groupby(runnable, lambda b: b.pair)]


def with_unique_names(group: list[Block]) -> list[Block]:
    """Blocks that run together, with every channel renamed in all of them alike."""
    found = [names for block in group for names in NAMED.findall(block.text)]
    for name in {name for names in found for name in names if name}:
        unique = unique_name("docs")
        group = [
            replace(
                block,
                text=block.text.replace(f'"{name}"', f'"{unique}"'),
                output=block.output and block.output.replace(f"'{name}'", f"'{unique}'"),
            )
            for block in group
        ]
    return group


def command_for(block: Block, folder: Path) -> list[str]:
    """Writes the block to a file of its own, and compiles it if need be."""
    source = folder / f"sample_{block.line}{SUFFIXES[block.language]}"
    source.write_text(block.text)
    if block.language == "python":
        return [sys.executable, str(source)]
    output = source.with_suffix("")
    command = demo_build.command(compiler_for(source), source, output)
    if block.language == "c":
        command[command.index("-std=c++20")] = "-std=c99"
    done = subprocess.run([*command, "-Wall", "-Wextra"], capture_output=True, text=True)
    assert done.returncode == 0, f"{block.place}: {shlex.join(command)}\n{done.stderr}"
    assert not done.stderr, f"{block.place}: {done.stderr}"
    return [str(output)]


@pytest.mark.parametrize("group", groups(), ids=lambda group: group[0].place)
def test_samples_run(group: list[Block], tmp_path: Path) -> None:
    if any("numpy" in block.text for block in group):
        pytest.importorskip("numpy")
    group = with_unique_names(group)
    commands = [command_for(block, tmp_path) for block in group]
    processes: list[Process] = []
    try:
        for command in commands:
            processes.append(Process(command, cwd=tmp_path))
        for block, process in zip(group, processes, strict=True):
            printed = process.finish()
            assert block.output in (None, printed), block.place
    finally:
        for process in processes:
            process.kill()


@pytest.mark.parametrize(
    "block", [block for block in BLOCKS if "compile" in block.marks], ids=lambda block: block.place
)
def test_samples_compile(block: Block, tmp_path: Path) -> None:
    command_for(block, tmp_path)


def test_every_mark_is_known() -> None:
    for block in BLOCKS:
        for mark in block.marks:
            assert mark in ("run", "compile") or mark.startswith("pair="), (block.place, mark)
        assert block.language in SUFFIXES, block.place


def test_the_readme_and_the_first_page_have_samples_that_run() -> None:
    for name in ("README.md", "docs/index.md", "docs/python.md", "docs/c.md"):
        assert any(block.document == ROOT / name for block in BLOCKS), name


UNPUBLISHED = "No run has been published"  # of the benchmarks: their plot is not there yet

# ---- Links ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target or (UNPUBLISHED in text and target.endswith("benchmarks.png")):
            continue
        name, _, anchor = target.partition("#")
        path = document.parent / name if name else document
        assert path.exists(), f"{document.name}: {target}"
        if anchor:
            assert anchor in anchors_of(path), f"{document.name}: {target}"


def anchors_of(document: Path) -> set[str]:
    """The anchors that the headings of a Markdown file have on a forge."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_is_reachable_from_the_readme() -> None:
    seen: set[Path] = set()
    todo = [ROOT / "README.md"]
    while todo:
        page = todo.pop().resolve()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        for target in re.findall(r"\]\(([^)\s#]+)[^)]*\)", page.read_text()):
            if "://" not in target:
                todo.append(page.parent / target)
    assert {page.resolve() for page in DOCUMENTS} <= seen


# ---- The layout, and memory orders ---------------------------------------------------------------

FIELD = re.compile(r"static_assert\(offsetof\((\w+), (\w+)\) == (\d+)\)")


def layout_page() -> str:
    return (ROOT / "docs" / "shm-layout.md").read_text()


def memory_page() -> str:
    return (ROOT / "docs" / "memory-model.md").read_text()


def test_the_layout_is_described_field_by_field() -> None:
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", layout_page(), re.MULTILINE)
    described = sorted((name, int(offset)) for offset, name in rows)
    layouts = LAYOUT.read_text() + CIRCULAR_LAYOUT.read_text() + QUEUE_LAYOUT.read_text()
    asserted = sorted((name, int(offset)) for _, name, offset in FIELD.findall(layouts))
    assert described == asserted


@pytest.mark.parametrize("name", ["kLayoutVersion", "kSegmentMagic", "kMaxName", "kCacheLine"])
def test_the_constants_of_the_layout_are_described(name: str) -> None:
    defined = re.search(rf"\b{name} =\s*([^;]+);", LAYOUT.read_text())
    described = re.search(rf"^\| `{name}` \| `([^`]+)` \|", layout_page(), re.MULTILINE)
    assert defined and described
    assert described[1] == defined[1].removesuffix("ULL").replace("'", "")


LABEL = re.compile(r"\b[A-Z]\d\b")
PARTNERS = re.compile(r"\(pairs? with ([^)]*)\)")


def comments(path: Path) -> str:
    """All comments of a source file as one line, so that a phrase may go over line ends."""
    return " ".join(re.findall(r"//\s*(.*)", path.read_text()))


ALL_COMMENTS = " ".join(map(comments, SOURCES))


def named_as_partners() -> set[str]:
    """The labels that some comment says it pairs with."""
    phrases = PARTNERS.findall(ALL_COMMENTS)
    return {label for phrase in phrases for label in LABEL.findall(phrase)}


def placed(text: str) -> set[str]:
    """The labels that stand at an operation, and not only in the comment of their partner."""
    return set(LABEL.findall(PARTNERS.sub("", text)))


def test_both_ends_of_every_memory_order_label_exist() -> None:
    assert named_as_partners()
    assert named_as_partners() <= placed(ALL_COMMENTS)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_the_partner_is_in_the_file_that_is_named(source: Path) -> None:
    by_name = {path.name: placed(comments(path)) for path in SOURCES}
    for phrase in PARTNERS.findall(comments(source)):
        labels = LABEL.findall(phrase)
        for file in re.findall(r"\w+\.(?:cpp|h)\b", phrase):
            assert by_name[file] & set(labels), phrase


def test_every_memory_order_label_is_explained() -> None:
    assert named_as_partners() <= set(LABEL.findall(memory_page()))


def test_no_label_is_explained_that_does_not_exist() -> None:
    rows = re.findall(r"^\| ([A-Z]\d) \|", memory_page(), re.MULTILINE)
    assert rows
    assert set(rows) <= placed(ALL_COMMENTS)
