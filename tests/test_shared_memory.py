"""Named shared memory: bytes between processes, views that are safe, and names."""

from __future__ import annotations

import gc
import mmap
import multiprocessing
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import targets
from children import MANY_CHILDREN, Child
from programs import program

import smipc
from smipc import Flags, NamedSharedMemory

ON_WINDOWS = sys.platform == "win32"
STARTS = ["spawn"] if ON_WINDOWS else ["fork", "spawn", "forkserver"]

# A name there goes with the last handle, and cannot be taken from those who have the object open.
needs_unlink = pytest.mark.skipif(ON_WINDOWS, reason="there nothing in use can be unlinked")
needs_modes = pytest.mark.skipif(ON_WINDOWS, reason="there objects have no mode")
needs_files = pytest.mark.skipif(ON_WINDOWS, reason="there they are no files")
needs_posix = pytest.mark.skipif(ON_WINDOWS, reason="against programs that use POSIX's own calls")
needs_fork = pytest.mark.skipif(ON_WINDOWS, reason="needs fork")
needs_bytes = pytest.mark.skipif(ON_WINDOWS, reason="there memory has whole pages")


@pytest.fixture
def memory(text: str) -> NamedSharedMemory:
    return create(text)


def create(name: str | bytes, size: int = 1000) -> NamedSharedMemory:
    return NamedSharedMemory(name, size, handle_existence=Flags.RAISE_IF_EXISTS)


# ---- Bytes


def test_two_handles_see_the_same_bytes(memory: NamedSharedMemory) -> None:
    other = NamedSharedMemory(memory.name)
    assert bytes(memory.buf) == bytes(memory.size)
    memory.buf[:5] = b"hello"
    assert bytes(other.buf[:5]) == b"hello"
    other.buf[-1] = 7
    assert memory.buf[-1] == 7


@needs_bytes
def test_a_size_is_taken_as_given(memory: NamedSharedMemory) -> None:
    assert memory.size == 1000
    assert len(memory.buf) == memory.buf.nbytes == 1000
    assert memory.buf.format == "B"
    assert os.fstat(memory.fd).st_size == 1000


def test_mmap_maps_it(memory: NamedSharedMemory) -> None:
    with memory.mmap() as mapping:
        assert isinstance(mapping, mmap.mmap)
        mapping[:3] = b"abc"
        assert len(mapping) == memory.size
    assert bytes(memory.buf[:3]) == b"abc"


@needs_files
def test_fd_and_size_are_what_mmap_wants(memory: NamedSharedMemory) -> None:
    with mmap.mmap(memory.fd, memory.size) as mapping:
        mapping.write(b"abc")
    assert bytes(memory.buf[:3]) == b"abc"
    assert not os.get_inheritable(memory.fd)


def test_numpy_takes_it_without_a_copy(memory: NamedSharedMemory) -> None:
    numpy = pytest.importorskip("numpy")
    array = numpy.frombuffer(memory.buf, dtype="f8")
    array[:] = 1.5
    assert memory.buf.cast("d")[3] == 1.5


def test_read_only_can_only_be_read(memory: NamedSharedMemory) -> None:
    memory.buf[:3] = b"abc"
    reader = NamedSharedMemory(memory.name, read_only=True)
    assert reader.read_only
    assert not memory.read_only
    assert bytes(reader.buf[:3]) == b"abc"
    assert reader.buf.readonly
    with pytest.raises(TypeError):
        reader.buf[0] = 1
    with reader.mmap() as mapping, pytest.raises(TypeError):
        mapping[0] = 1
    numpy = pytest.importorskip("numpy")
    assert not numpy.frombuffer(reader.buf, dtype="u1").flags.writeable


@needs_modes
def test_read_only_needs_no_right_to_write(text: str) -> None:
    memory = create(text)
    memory.buf[0] = 9
    os.fchmod(memory.fd, 0o400)
    assert NamedSharedMemory(text, read_only=True).buf[0] == 9


# ---- Views outlive


def test_views_outlive_close_handle_and_name(text: str) -> None:
    memory = create(text)
    view = memory.buf
    part = view[10:20]
    view[10] = 5
    memory.close()
    assert part[0] == 5
    del memory, view
    gc.collect()
    part[0] = 6
    assert bytes(part) == b"\6" + bytes(9)


def test_close_with_live_views_works(memory: NamedSharedMemory) -> None:
    numpy = pytest.importorskip("numpy")
    array = numpy.frombuffer(memory.buf, dtype="u1")
    mapping = memory.mmap()
    with memory:
        pass
    assert memory.closed
    array[:] = 3
    assert mapping[999] == 3


def test_views_of_a_thousand_handles(text: str) -> None:
    memory = create(text)
    views = []
    for number in range(1000):
        handle = NamedSharedMemory(text)
        views.append(handle.buf)
        handle.close()
        views[-1][number] = number % 251
    assert bytes(memory.buf[:1000]) == bytes(number % 251 for number in range(1000))
    assert {bytes(view) for view in views} == {bytes(memory.buf)}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_memory_goes_with_its_last_view(memory: NamedSharedMemory) -> None:
    inode = str(os.fstat(memory.fd).st_ino)

    def mapped() -> int:
        lines = Path("/proc/self/maps").read_text().splitlines()
        return sum(line.split()[4] == inode for line in lines)

    other = NamedSharedMemory(memory.name)
    view = other.buf
    other.close()
    del other
    gc.collect()
    assert mapped() == 2
    del view
    gc.collect()
    assert mapped() == 1


def test_the_mapping_of_a_forgotten_handle_keeps_the_name(text: str) -> None:
    with NamedSharedMemory(text, 100, handle_existence=Flags.LINK_OR_CREATE).mmap() as mapping:
        mapping[0] = 1
        gc.collect()
        assert NamedSharedMemory(text).buf[0] == 1


# ---- Names and existence


def test_existence(text: str) -> None:
    with pytest.raises(FileNotFoundError, match=text):
        NamedSharedMemory(text)
    first = NamedSharedMemory(text, 100, handle_existence=Flags.LINK_OR_CREATE)
    assert (first.linked_existing_object, first.unlink_on_delete) == (False, True)
    with pytest.raises(FileExistsError, match=text):
        create(text)
    second = NamedSharedMemory(text, 100, handle_existence=Flags.LINK_OR_CREATE)
    assert (second.linked_existing_object, second.unlink_on_delete) == (True, False)
    assert second.size == first.size


@needs_bytes
def test_a_larger_one_is_taken_and_a_smaller_one_refused(memory: NamedSharedMemory) -> None:
    assert NamedSharedMemory(memory.name, 10).size == 1000
    with pytest.raises(ValueError, match=r"it has 1000 bytes, not the 1001 asked for"):
        NamedSharedMemory(memory.name, 1001, handle_existence=Flags.LINK_OR_CREATE)
    assert os.fstat(memory.fd).st_size == 1000


@needs_unlink
def test_unlink_and_create_leaves_the_old_one_to_its_users(memory: NamedSharedMemory) -> None:
    new = NamedSharedMemory(memory.name, 50, handle_existence=Flags.UNLINK_AND_CREATE)
    assert (memory.size, new.size) == (1000, 50)
    memory.buf[0] = 1
    assert new.buf[0] == 0
    with pytest.raises(FileNotFoundError, match="another memory's"):
        memory.unlink()
    memory._let_go()
    assert NamedSharedMemory(memory.name).size == 50


@needs_unlink
def test_the_creator_unlinks_when_it_is_deleted(text: str) -> None:
    first = create(text)
    second = NamedSharedMemory(text)
    with first:
        pass
    assert NamedSharedMemory(text).size == 1000  # closing is not deleting
    del first
    gc.collect()
    with pytest.raises(FileNotFoundError):
        NamedSharedMemory(text)
    second.buf[0] = 1  # which goes on


@needs_unlink
def test_unlink_on_delete_says_otherwise(text: str) -> None:
    stays = NamedSharedMemory(
        text, 10, handle_existence=Flags.RAISE_IF_EXISTS, unlink_on_delete=False
    )
    del stays
    goes = NamedSharedMemory(text, unlink_on_delete=True)
    del goes
    with pytest.raises(FileNotFoundError):
        NamedSharedMemory(text)


@needs_modes
def test_a_new_one_is_for_its_user_only(text: str) -> None:
    before = os.umask(0)
    try:
        memory = create(text)
    finally:
        os.umask(before)
    assert os.fstat(memory.fd).st_mode & 0o777 == 0o600


@needs_posix
def test_an_empty_one_of_another_program_gets_a_size(text: str) -> None:
    tool = program("tests", "plain_posix")
    assert subprocess.check_output([tool, "shm-create", text, "0"], text=True) == "0\n"
    empty = NamedSharedMemory(text, unlink_on_delete=True)
    assert empty.size == len(empty.buf) == 0
    with pytest.raises(ValueError, match="0 bytes"):
        empty.mmap()
    assert NamedSharedMemory(text, 100).size == 100
    assert NamedSharedMemory(text, 100).linked_existing_object


def test_many_who_link_or_create_get_one(text: str) -> None:
    code = """
        name, size = arguments[0].decode(), int(arguments[1])
        say("ready")
        hear()
        memory = NamedSharedMemory(
            name, size, handle_existence=Flags.LINK_OR_CREATE, unlink_on_delete=False)
        memory.buf[int(arguments[2])] = 1
        say(memory.linked_existing_object, memory.size)
        hear()
    """
    children = [Child(code, text, 65536, index) for index in range(MANY_CHILDREN)]
    try:
        for child in children:
            child.expect("ready")
        for child in children:
            child.say("go")
        heard = sorted(child.hear() for child in children)
        assert heard == ["False 65536"] + ["True 65536"] * (MANY_CHILDREN - 1)
        memory = NamedSharedMemory(text, unlink_on_delete=True)
        assert bytes(memory.buf[:MANY_CHILDREN]) == b"\1" * MANY_CHILDREN
    finally:
        for child in children:
            child.end()


# ---- Bad input


@pytest.mark.parametrize("bad", ["", "/", "a/b", "é", "a.b", "a\0b", "x" * 201, 5, None])
def test_no_name(bad: Any) -> None:
    with pytest.raises(ValueError, match="name"):
        NamedSharedMemory(bad, 10, handle_existence=Flags.LINK_OR_CREATE)


@pytest.mark.parametrize("bad", [-1, 2**47 + 1, 2**64, 1.0, "1", None, True])
def test_no_size(text: str, bad: Any) -> None:
    with pytest.raises(ValueError, match=r"size must be .*" + str(bad)):
        NamedSharedMemory(text, bad, handle_existence=Flags.LINK_OR_CREATE)


@pytest.mark.parametrize("flags", list(Flags)[1:])
def test_a_new_one_needs_a_size(text: str, flags: Flags) -> None:
    with pytest.raises(ValueError, match="new memory needs a size of at least 1 byte, not 0"):
        NamedSharedMemory(text, handle_existence=flags)
    with pytest.raises(FileNotFoundError):
        NamedSharedMemory(text)


@pytest.mark.parametrize("flags", list(Flags))
def test_read_only_takes_no_size(memory: NamedSharedMemory, flags: Flags) -> None:
    with pytest.raises(ValueError, match="a size of 10 makes no sense"):
        NamedSharedMemory(memory.name, 10, True, handle_existence=flags)
    assert NamedSharedMemory(memory.name).size == memory.size


@pytest.mark.parametrize("flags", [Flags.RAISE_IF_EXISTS, Flags.UNLINK_AND_CREATE])
def test_a_new_one_cannot_be_read_only(memory: NamedSharedMemory, flags: Flags) -> None:
    with pytest.raises(ValueError, match="new memory cannot be read-only"):
        NamedSharedMemory(memory.name, 0, True, flags)
    assert NamedSharedMemory(memory.name).size == memory.size


def test_read_only_links_and_does_not_create(text: str) -> None:
    with pytest.raises(FileNotFoundError, match=text):
        NamedSharedMemory(text, read_only=True, handle_existence=Flags.LINK_OR_CREATE)


def test_no_flags_and_choices(text: str) -> None:
    bad: Any
    for bad in (0, None, "LINK_OR_CREATE"):
        with pytest.raises(ValueError, match="handle_existence must be one of Flags"):
            NamedSharedMemory(text, 10, handle_existence=bad)
    for bad in (0, None, "yes"):
        with pytest.raises(ValueError, match="read_only must be True or False"):
            NamedSharedMemory(text, 0, bad, Flags.LINK_OR_CREATE)
    for bad in (0, "yes"):
        with pytest.raises(ValueError, match="unlink_on_delete must be True, False or None"):
            NamedSharedMemory(text, 10, False, Flags.LINK_OR_CREATE, bad)


def test_a_closed_one_says_so(memory: NamedSharedMemory) -> None:
    memory.close()
    memory.close()
    for call in (
        lambda: memory.buf,
        lambda: memory.fd,
        memory.mmap,
        memory.__enter__,
    ):
        with pytest.raises(smipc.ClosedError, match=memory.name):
            call()
    assert memory.size >= 1000
    assert "closed" in repr(memory)


@needs_files
def test_more_than_there_is_says_how_much(text: str) -> None:
    available = os.statvfs("/dev/shm")
    free = available.f_bavail * available.f_frsize
    with pytest.raises(
        OSError, match=rf"it needs {free * 2} bytes of shared memory.* has \d+ bytes"
    ):
        NamedSharedMemory(text, free * 2, handle_existence=Flags.LINK_OR_CREATE)
    with pytest.raises(FileNotFoundError):
        NamedSharedMemory(text)


@needs_unlink
def test_too_little_room_leaves_the_old_one(memory: NamedSharedMemory) -> None:
    with pytest.raises(smipc.NoSpaceError):
        NamedSharedMemory(memory.name, 2**46, handle_existence=Flags.UNLINK_AND_CREATE)
    assert NamedSharedMemory(memory.name).size == 1000


@needs_files
def test_what_is_no_memory(text: str) -> None:
    path = Path("/dev/shm" + text)
    os.mkfifo(path)
    try:
        with pytest.raises(smipc.CorruptError, match="is no shared memory"):
            NamedSharedMemory(text)
        path.unlink()
        path.symlink_to("/dev/shm/elsewhere")
        with pytest.raises(smipc.SmipcError, match=text):
            NamedSharedMemory(text)
    finally:
        path.unlink()


# ---- Other processes and programs


@pytest.mark.parametrize("start", STARTS)
def test_multiprocessing_hands_it_on(text: str, start: str) -> None:
    context = multiprocessing.get_context(start)
    memory = create(text)
    out = context.Queue()
    process = context.Process(target=targets.write_and_tell, args=(memory, out))
    process.start()
    assert out.get()[0] == memory.size
    process.join()
    assert memory.buf[0] == 42
    assert NamedSharedMemory(text).buf[0] == 42  # the child has not unlinked it


def test_pickle_links(memory: NamedSharedMemory) -> None:
    other = pickle.loads(pickle.dumps(memory))
    other.buf[0] = 8
    assert memory.buf[0] == 8
    assert other.unlink_on_delete is False


@needs_posix
def test_the_resource_tracker_knows_nothing(text: str, start_child: Callable[..., Child]) -> None:
    """It would unlink what another process still uses, as soon as the first one ends."""
    memory = create(text)
    child = start_child(
        """
        from multiprocessing import resource_tracker
        resource_tracker.ensure_running()
        kept = NamedSharedMemory(arguments[0])
        say(kept.size)
        """,
        text,
    )
    child.expect("1000")
    child.finish()
    assert NamedSharedMemory(text).size == memory.size


def test_the_end_of_the_process_unlinks(text: str, start_child: Callable[..., Child]) -> None:
    child = start_child(
        """
        kept = NamedSharedMemory(arguments[0], 10, handle_existence=Flags.RAISE_IF_EXISTS)
        view = kept.buf
        say(bytes(view[:10]))
        """,
        text,
    )
    child.expect(str(bytes(10)))
    child.finish()
    with pytest.raises(FileNotFoundError):
        NamedSharedMemory(text)


@needs_fork
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_uses_it_and_does_not_unlink(memory: NamedSharedMemory) -> None:
    view = memory.buf
    pid = os.fork()
    if pid == 0:
        view[0] = 11
        memory._let_go()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    assert memory.buf[0] == 11
    assert NamedSharedMemory(memory.name).buf[0] == 11


@needs_posix
def test_a_plain_c_program_opens_it(memory: NamedSharedMemory) -> None:
    tool = program("tests", "plain_posix")
    memory.buf[:8] = b"from py\n"
    seen = subprocess.check_output([tool, "shm-read", memory.name], text=True)
    assert seen == "from py\n1000\n"
    subprocess.check_output([tool, "shm-write", memory.name, "from C"])
    assert bytes(memory.buf[:7]) == b"from C\n"


@needs_posix
def test_what_a_plain_c_program_made_can_be_opened(text: str) -> None:
    tool = program("tests", "plain_posix")
    subprocess.check_output([tool, "shm-create", text, "300"])
    memory = NamedSharedMemory(text, unlink_on_delete=True)
    assert (memory.size, memory.linked_existing_object) == (300, True)


@needs_posix
def test_posix_ipc_opens_it(memory: NamedSharedMemory) -> None:
    posix_ipc = pytest.importorskip("posix_ipc")
    other = posix_ipc.SharedMemory(memory.name)
    assert other.size == 1000
    with mmap.mmap(other.fd, other.size) as mapping:
        mapping[:2] = b"hi"
    other.close_fd()
    assert bytes(memory.buf[:2]) == b"hi"


def test_multiprocessing_shared_memory_opens_it(memory: NamedSharedMemory) -> None:
    code = (
        "import sys; from multiprocessing import resource_tracker;"
        "from multiprocessing.shared_memory import SharedMemory;"
        "shm = SharedMemory(sys.argv[1]); shm.buf[3] = 77;"
        "sys.platform == 'win32' or resource_tracker.unregister(shm._name, 'shared_memory');"
        "shm.close()"
    )
    subprocess.run([sys.executable, "-c", code, memory.name[1:]], check=True)
    assert memory.buf[3] == 77


def test_the_flags_are_those_of_the_library() -> None:
    from smipc import _abi

    for flag in Flags:
        assert getattr(_abi, f"SMIPC_{flag.name}") == flag
