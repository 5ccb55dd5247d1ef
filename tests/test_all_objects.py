"""What holds for each kind of object: who creates it when many want to, who may open it, and what
is left when its owner is killed."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from children import MANY_CHILDREN, Child

import smipc
from smipc import (
    Flags,
    NamedMessageQueue,
    NamedSemaphore,
    NamedSharedMemory,
    SharedCircularBuffer,
)

needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="users, and kills")

STRUCTURE = """
class Numbers(BaseMmapStructure):
    _fields_ = (("header", MmapStructureHeader), ("number", ctypes.c_int64))
"""

# How each is created, where nothing may be there yet; opened; and unlinked by a handle of it.
CREATE = {
    "circular buffer": "SharedCircularBuffer(name, create=True, item_size=8, length=10)",
    "semaphore": "NamedSemaphore(name, handle_existence=Flags.RAISE_IF_EXISTS)",
    "shared memory": "NamedSharedMemory(name, 100, handle_existence=Flags.RAISE_IF_EXISTS)",
    "message queue": "NamedMessageQueue(name, handle_existence=Flags.RAISE_IF_EXISTS)",
    "structure": "DataStructMmapManager(Numbers, folder, name[1:], create=True)",
}
OPEN = {
    "circular buffer": "SharedCircularBuffer(name)",
    "semaphore": "NamedSemaphore(name)",
    "shared memory": "NamedSharedMemory(name)",
    "message queue": "NamedMessageQueue(name)",
    "structure": "DataStructMmapReader(Numbers, folder, name[1:])",
}
REPLACE = {
    "circular buffer": CREATE["circular buffer"],
    "semaphore": "NamedSemaphore(name, handle_existence=Flags.UNLINK_AND_CREATE)",
    "shared memory": "NamedSharedMemory(name, 10, handle_existence=Flags.UNLINK_AND_CREATE)",
    "message queue": "NamedMessageQueue(name, handle_existence=Flags.UNLINK_AND_CREATE)",
    "structure": "DataStructMmapManager(Numbers, folder, name[1:], create=True, force=True)",
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that all users may look into."""
    with tempfile.TemporaryDirectory() as made:
        os.chmod(made, 0o755)
        yield Path(made)


def opening(name: str, folder: Path) -> str:
    return f"import ctypes\nname, folder = {name!r}, {str(folder)!r}\n{STRUCTURE}\n"


@pytest.mark.parametrize("kind", CREATE)
def test_of_many_who_create_it_one_does(kind: str, text: str, folder: Path) -> None:
    code = f"""
say("ready")
hear()
try:
    made = {CREATE[kind]}
except FileExistsError:
    say("refused")
else:
    say("made")
hear()
"""
    children = [Child(opening(text, folder) + code) for _ in range(MANY_CHILDREN)]
    try:
        for child in children:
            child.expect("ready")
        for child in children:
            child.say("go")
        heard = sorted(child.hear() for child in children)
        assert heard == ["made"] + ["refused"] * (MANY_CHILDREN - 1)
        for child in children:
            child.say("end")
        for child in children:
            child.finish()
    finally:
        for child in children:
            child.end()


@needs_posix
@pytest.mark.parametrize("kind", CREATE)
def test_another_user_is_refused(
    kind: str, text: str, folder: Path, start_child: Callable[..., Child]
) -> None:
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED: needs root, to become another user")
    owner = start_child(opening(text, folder) + f'kept = {CREATE[kind]}\nsay("ready")\nhear()\n')
    owner.expect("ready")
    code = f"""
import contextlib
with contextlib.suppress(SmipcError):
    {OPEN[kind].replace("name", "'/no-such-thing'", 1)}  # what it imports is imported
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
for how in ({OPEN[kind]!r}, {REPLACE[kind]!r}):
    try:
        eval(how)
    except (PermissionError, StructureFileError) as problem:
        assert isinstance(problem, SmipcError) and name[1:] in str(problem), problem
        assert "permission" in str(problem) or "user" in str(problem), problem
    else:
        raise SystemExit(f"nobody refused {{how}}")
if "RAISE_IF_EXISTS" in {CREATE[kind]!r}:
    with contextlib.suppress(FileExistsError):
        raise SystemExit(f"nobody was told that it exists: {{eval({CREATE[kind]!r})}}")
clean_stale()
say("refused")
"""
    start_child(opening(text, folder) + code).expect("refused")
    start_child(opening(text, folder) + f'kept = {OPEN[kind]}\nsay("there")\n').expect("there")
    owner.say("end")
    owner.finish()


@needs_posix
def test_what_a_killed_owner_leaves_can_be_cleaned_up(
    text: str, folder: Path, start_child: Callable[..., Child]
) -> None:
    """The file of a structure stays: it is the caller's."""
    names = {kind: f"{text}-{index}" for index, kind in enumerate(CREATE)}
    made = [f"name = {names[kind]!r}\nkept.append({how})" for kind, how in CREATE.items()]
    child = start_child(
        opening(text, folder) + "kept = []\n" + "\n".join(made) + '\nsay("ready")\nhear()\n'
    )
    child.expect("ready")
    smipc.clean_stale()
    assert NamedSemaphore(names["semaphore"]).value == 1  # they were in use
    assert SharedCircularBuffer(names["circular buffer"]).length == 10
    assert NamedSharedMemory(names["shared memory"]).size == 100
    assert NamedMessageQueue(names["message queue"]).current_messages == 0
    child.end()
    assert smipc.clean_stale() >= 4
    assert [entry.name for entry in Path("/dev/shm").iterdir() if text[1:] in entry.name] == []
    assert len(list(folder.glob("*.mmap"))) == 1
    for name in names.values():
        for open_it in (NamedSemaphore, NamedSharedMemory, NamedMessageQueue, SharedCircularBuffer):
            with pytest.raises(FileNotFoundError):
                open_it(name)


@needs_posix
def test_a_process_that_ends_with_handles_in_use_leaves_nothing(
    text: str, folder: Path, start_child: Callable[..., Child]
) -> None:
    """A thread of the kind that Python does not wait for keeps them, and nothing frees them."""
    hows = enumerate(CREATE.values())
    made = [f"name = '{text}-{index}'\nkept.append({how})" for index, how in hows]
    lines = ["import threading", "kept = []", *made]
    lines.append("wait = lambda _: threading.Event().wait()")
    lines.append("threading.Thread(target=wait, args=(kept,), daemon=True).start()")
    child = start_child(opening(text, folder) + "\n".join([*lines, "say('end')"]))
    child.expect("end")
    child.finish()
    for entry in Path("/dev/shm").iterdir():
        assert text[1:] not in entry.name
        assert not entry.name.startswith("smipc.owner.") or text[1:] not in entry.read_text()


def test_names_of_one_kind_are_nothing_to_the_others(text: str) -> None:
    semaphore = NamedSemaphore(text, 3, Flags.RAISE_IF_EXISTS)
    memory = NamedSharedMemory(text, 10, handle_existence=Flags.RAISE_IF_EXISTS)
    queue = NamedMessageQueue(text, handle_existence=Flags.RAISE_IF_EXISTS)
    with SharedCircularBuffer(text, create=True) as writer:
        writer.push(1)
        queue.send(b"2")
        memory.buf[0] = 3
        assert semaphore.acquire()
        assert SharedCircularBuffer(text).popitem() == 1
        assert NamedMessageQueue(text).receive() == (b"2", 0)
        assert NamedSharedMemory(text).buf[0] == 3
        assert NamedSemaphore(text).value == 2
