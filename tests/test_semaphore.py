"""Named semaphores: counting between processes, with other programs, through signals and forks."""

from __future__ import annotations

import copy
import gc
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import targets
from children import MANY_CHILDREN, Child
from programs import program

import smipc
from smipc import Flags, NamedSemaphore

ON_WINDOWS = sys.platform == "win32"
LARGEST = 2**31 - 1
STARTS = ["spawn"] if ON_WINDOWS else ["fork", "spawn", "forkserver"]

# A name there goes with the last handle, and cannot be taken from those who have the object open.
needs_unlink = pytest.mark.skipif(ON_WINDOWS, reason="there nothing in use can be unlinked")
needs_modes = pytest.mark.skipif(ON_WINDOWS, reason="there objects have no mode")
needs_files = pytest.mark.skipif(ON_WINDOWS, reason="there they are no files")
needs_posix = pytest.mark.skipif(ON_WINDOWS, reason="against programs that use POSIX's own calls")
needs_fork = pytest.mark.skipif(ON_WINDOWS, reason="needs fork")
needs_signals = pytest.mark.skipif(ON_WINDOWS, reason="signals other than Ctrl-C")


@pytest.fixture
def semaphore(text: str) -> NamedSemaphore:
    return NamedSemaphore(text, 1, Flags.RAISE_IF_EXISTS)


def create(name: str | bytes, value: int = 1) -> NamedSemaphore:
    return NamedSemaphore(name, value, Flags.RAISE_IF_EXISTS)


# ---- Counting


def test_acquire_takes_and_release_gives(semaphore: NamedSemaphore) -> None:
    assert semaphore.value == 1
    assert semaphore.acquire() is True
    assert semaphore.value == 0
    semaphore.release()
    assert semaphore.value == 1


def test_with_acquires_once_and_releases_once(semaphore: NamedSemaphore) -> None:
    with semaphore as entered:
        assert entered is semaphore
        assert semaphore.value == 0
    assert semaphore.value == 1
    with pytest.raises(KeyError), semaphore:
        raise KeyError
    assert semaphore.value == 1


def test_acquire_gives_up_when_told_so(semaphore: NamedSemaphore) -> None:
    semaphore.acquire()
    assert semaphore.acquire(False) is False
    assert semaphore.acquire(blocking=False) is False
    assert semaphore.acquire(timeout=0) is False
    assert semaphore.acquire(timeout=0.02) is False
    assert semaphore.acquire(True, 0.02) is False
    assert semaphore.value == 0


def test_release_gives_several(semaphore: NamedSemaphore) -> None:
    semaphore.release(5)
    assert semaphore.value == 6
    for _ in range(6):
        assert semaphore.acquire(False)
    assert not semaphore.acquire(False)


def test_the_initial_value_is_of_a_new_one_only(text: str) -> None:
    first = create(text, 7)
    second = NamedSemaphore(text, 3)
    assert (first.value, second.value) == (7, 7)
    assert not first.linked_existing_object
    assert second.linked_existing_object
    assert second.linked_existing_semaphore
    assert (first.unlink_on_delete, second.unlink_on_delete) == (True, False)


def test_zero_and_the_largest_are_values(text: str) -> None:
    assert create(text, 0).value == 0
    full = create(text + "-2", LARGEST)
    assert full.value == LARGEST
    assert full.acquire(False)


def test_more_than_it_can_count_changes_nothing(text: str) -> None:
    semaphore = create(text, LARGEST - 2)
    with pytest.raises(ValueError, match=r"releasing 3 would take its value beyond 2147483647; 0 "):
        semaphore.release(3)
    assert semaphore.value == LARGEST - 2
    semaphore.release(2)
    with pytest.raises(ValueError, match="releasing 1 would"):
        semaphore.release()
    assert semaphore.value == LARGEST


def test_threads_share_a_handle(semaphore: NamedSemaphore) -> None:
    inside = 0
    most = 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(200):
            with semaphore:
                inside += 1
                most = max(most, inside)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (inside, most, semaphore.value) == (0, 1, 1)


# ---- Names and existence


def test_a_name_is_the_same_with_and_without_slash(text: str) -> None:
    made = create(text[1:])
    assert made.name == text
    assert NamedSemaphore("//" + text[1:]).value == 1
    assert NamedSemaphore(text.encode()).name == text


def test_the_longest_name(text: str) -> None:
    assert create((text + "x" * 200)[:201]).value == 1


def test_existence(text: str) -> None:
    with pytest.raises(FileNotFoundError, match=text):
        NamedSemaphore(text)
    first = NamedSemaphore(text, 5, Flags.LINK_OR_CREATE)
    assert not first.linked_existing_object
    with pytest.raises(FileExistsError, match=text):
        create(text)
    second = NamedSemaphore(text, 9, Flags.LINK_OR_CREATE)
    assert second.linked_existing_object
    assert second.value == 5


@needs_unlink
def test_unlink_and_create_leaves_the_old_one_to_its_users(text: str) -> None:
    old = create(text, 5)
    new = NamedSemaphore(text, 9, Flags.UNLINK_AND_CREATE)
    assert not new.linked_existing_object
    assert (old.value, new.value) == (5, 9)
    old.acquire()
    assert (old.value, new.value) == (4, 9)


@needs_unlink
def test_deleting_the_creator_does_not_unlink_a_successor(text: str) -> None:
    old = create(text, 5)
    new = NamedSemaphore(text, 9, Flags.UNLINK_AND_CREATE)
    with pytest.raises(FileNotFoundError, match="another semaphore's"):
        old.unlink()
    del old
    gc.collect()
    assert NamedSemaphore(text).value == 9
    del new


@needs_unlink
def test_the_creator_unlinks_when_it_is_deleted(text: str) -> None:
    first = create(text)
    second = NamedSemaphore(text)
    del first
    gc.collect()
    with pytest.raises(FileNotFoundError):
        NamedSemaphore(text)
    assert second.value == 1  # which goes on


@needs_unlink
def test_close_keeps_the_name(text: str) -> None:
    first = create(text)
    first.close()
    assert first.closed
    assert NamedSemaphore(text).value == 1
    del first


@needs_unlink
def test_unlink_on_delete_says_otherwise(text: str) -> None:
    stays = NamedSemaphore(text, 1, Flags.RAISE_IF_EXISTS, unlink_on_delete=False)
    assert stays.unlink_on_delete is False
    del stays
    goes = NamedSemaphore(text, unlink_on_delete=True)
    assert goes.unlink_on_delete is True
    del goes
    with pytest.raises(FileNotFoundError):
        NamedSemaphore(text)


@needs_unlink
def test_unlink_removes_the_name_once(semaphore: NamedSemaphore) -> None:
    semaphore.unlink()
    with pytest.raises(FileNotFoundError):
        NamedSemaphore(semaphore.name)
    with pytest.raises(FileNotFoundError, match=semaphore.name):
        semaphore.unlink()
    assert semaphore.acquire(False)


@needs_modes
def test_a_new_one_is_for_its_user_only(semaphore: NamedSemaphore) -> None:
    before = os.umask(0)
    try:
        other = create(semaphore.name + "-2")
    finally:
        os.umask(before)
    for each in (semaphore, other):
        assert Path("/dev/shm/sem." + each.name[1:]).stat().st_mode & 0o777 == 0o600


def test_many_who_link_or_create_get_one(text: str) -> None:
    code = """
        name = arguments[0].decode()
        say("ready")
        hear()
        semaphore = NamedSemaphore(name, 0, Flags.LINK_OR_CREATE, unlink_on_delete=False)
        semaphore.release()
        say(semaphore.linked_existing_object)
        hear()
    """
    children = [Child(code, text) for _ in range(MANY_CHILDREN)]
    try:
        for child in children:
            child.expect("ready")
        for child in children:
            child.say("go")
        assert sorted(child.hear() for child in children) == ["False"] + ["True"] * (
            MANY_CHILDREN - 1
        )
        if not ON_WINDOWS:  # where it goes with the last of them
            assert NamedSemaphore(text, unlink_on_delete=True).value == MANY_CHILDREN
    finally:
        for child in children:
            child.end()


# ---- Bad input


@pytest.mark.parametrize(
    "bad", ["", "/", "a/b", "a b", "é", "a.b", "a\0b", "x" * 201, 5, None, b"\xff", bytearray(b"x")]
)
def test_no_name(bad: Any) -> None:
    with pytest.raises(ValueError, match="name"):
        NamedSemaphore(bad, handle_existence=Flags.LINK_OR_CREATE)


@pytest.mark.parametrize("bad", [-1, LARGEST + 1, 2**64, 1.0, "1", None, True])
def test_no_initial_value(text: str, bad: Any) -> None:
    with pytest.raises(ValueError, match=r"initial_value.*" + str(bad)):
        NamedSemaphore(text, bad, Flags.LINK_OR_CREATE)
    with pytest.raises(FileNotFoundError):
        NamedSemaphore(text)


@pytest.mark.parametrize("bad", [0, 3, None, "LINK_OR_CREATE", True])
def test_no_flag(text: str, bad: Any) -> None:
    with pytest.raises(ValueError, match="handle_existence must be one of Flags"):
        NamedSemaphore(text, 1, bad)


@pytest.mark.parametrize("bad", [0, 1, "yes"])
def test_no_choice(text: str, bad: Any) -> None:
    with pytest.raises(ValueError, match="unlink_on_delete must be True, False or None"):
        NamedSemaphore(text, 1, Flags.LINK_OR_CREATE, bad)


@pytest.mark.parametrize("bad", [0, -1, LARGEST + 1, 1.0, "1", None, True])
def test_no_count(semaphore: NamedSemaphore, bad: Any) -> None:
    with pytest.raises(ValueError, match=r"n must be .*" + str(bad)):
        semaphore.release(bad)
    assert semaphore.value == 1


@pytest.mark.parametrize("bad", [-1, -0.5, float("nan"), "1", True])
def test_no_timeout(semaphore: NamedSemaphore, bad: Any) -> None:
    with pytest.raises(ValueError, match="timeout must"):
        semaphore.acquire(timeout=bad)
    assert semaphore.value == 1


def test_no_blocking(semaphore: NamedSemaphore) -> None:
    with pytest.raises(ValueError, match="blocking must be True or False, not int: 1"):
        semaphore.acquire(1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"a timeout \(3\) without blocking"):
        semaphore.acquire(False, 3)
    assert semaphore.value == 1


def test_a_closed_one_says_so(semaphore: NamedSemaphore) -> None:
    semaphore.close()
    semaphore.close()
    for call in (
        semaphore.acquire,
        lambda: semaphore.acquire(False),
        lambda: semaphore.acquire(timeout=1),
        semaphore.release,
        lambda: semaphore.release(2),
        lambda: semaphore.value,
        semaphore.__enter__,
    ):
        with pytest.raises(smipc.ClosedError, match=semaphore.name):
            call()
    assert "closed" in repr(semaphore)


@needs_files
def test_a_file_that_is_no_semaphore(text: str) -> None:
    path = Path("/dev/shm/sem." + text[1:])
    path.touch()
    try:
        with pytest.raises(smipc.CorruptError, match="too short for a semaphore"):
            NamedSemaphore(text)
        path.unlink()
        path.mkdir()
        with pytest.raises(smipc.SmipcError, match=text):
            NamedSemaphore(text)
    finally:
        path.rmdir()


# ---- Waiting


def test_a_waiter_is_woken_by_another_process(text: str, start_child: Callable[..., Child]) -> None:
    semaphore = create(text, 0)
    child = start_child(
        """
        semaphore = NamedSemaphore(arguments[0])
        say_when_waiting("waiting")
        say(semaphore.acquire(timeout=3600))
        """,
        text,
    )
    child.expect("waiting")
    semaphore.release()
    child.expect("True")


def test_closing_ends_the_wait_of_other_threads(semaphore: NamedSemaphore) -> None:
    semaphore.acquire()
    seen: list[str] = []
    begun = threading.Event()

    def wait() -> None:
        begun.set()
        try:
            semaphore.acquire()
        except smipc.ClosedError as error:
            seen.append(str(error))

    thread = threading.Thread(target=wait)
    thread.start()
    begun.wait()
    semaphore.close()
    thread.join()
    assert semaphore.name in seen[0]


@pytest.mark.parametrize("timeout", ["None", "3600"])
def test_ctrl_c_breaks_a_wait(text: str, timeout: str, start_child: Callable[..., Child]) -> None:
    semaphore = create(text, 0)
    child = start_child(
        """
        semaphore = NamedSemaphore(arguments[0])
        say_when_waiting("waiting")
        try:
            semaphore.acquire(timeout=eval(arguments[1]))
        except KeyboardInterrupt:
            say("interrupted")
        hear()
        say(semaphore.acquire(False))
        """,
        text,
        timeout,
    )
    child.expect("waiting")
    child.interrupt()
    child.expect("interrupted")
    semaphore.release()  # which the broken call has not taken
    child.say("go")
    child.expect("True")


@needs_signals
def test_a_signal_that_is_handled_does_not_end_a_wait(
    text: str, start_child: Callable[..., Child]
) -> None:
    semaphore = create(text, 0)
    child = start_child(
        """
        signal.signal(signal.SIGUSR1, lambda *_: say("handled"))
        semaphore = NamedSemaphore(arguments[0])
        say_when_waiting("waiting")
        say(semaphore.acquire(timeout=3600))
        """,
        text,
    )
    child.expect("waiting")
    for _ in range(5):
        os.kill(child.pid, signal.SIGUSR1)
        child.expect("handled")
    semaphore.release()
    child.expect("True")


@needs_signals
def test_signals_do_not_lengthen_a_timeout(text: str, start_child: Callable[..., Child]) -> None:
    semaphore = create(text, 0)
    child = start_child(
        """
        signal.signal(signal.SIGALRM, lambda *_: None)
        signal.setitimer(signal.ITIMER_REAL, 0.003, 0.003)
        say(NamedSemaphore(arguments[0]).acquire(timeout=0.1))
        """,
        text,
    )
    child.expect("False")
    assert semaphore.value == 0


def test_what_a_killed_process_had_stays_taken(
    semaphore: NamedSemaphore, start_child: Callable[..., Child]
) -> None:
    child = start_child(
        "NamedSemaphore(arguments[0]).acquire(); say('taken'); hear()", semaphore.name
    )
    child.expect("taken")
    child.end()
    assert semaphore.value == 0


# ---- Other processes and programs


@pytest.mark.parametrize("start", STARTS)
def test_multiprocessing_hands_it_on(text: str, start: str) -> None:
    context = multiprocessing.get_context(start)
    semaphore = create(text, 0)
    out = context.Queue()
    process = context.Process(target=targets.take_and_tell, args=(semaphore, out))
    process.start()
    semaphore.release()
    assert out.get()[0] is True
    process.join()
    assert semaphore.value == 0  # and is still there
    assert NamedSemaphore(text).value == 0


@pytest.mark.parametrize("start", STARTS)
def test_a_child_of_multiprocessing_unlinks_what_it_created(text: str, start: str) -> None:
    context = multiprocessing.get_context(start)
    out = context.Queue()
    process = context.Process(target=targets.create_and_leave, args=(text, out))
    process.start()
    assert out.get() == 1
    process.join()
    with pytest.raises(FileNotFoundError):
        NamedSemaphore(text)


def test_pickle_and_copy_link(semaphore: NamedSemaphore) -> None:
    for other in (pickle.loads(pickle.dumps(semaphore)), copy.copy(semaphore)):
        assert other.linked_existing_object
        assert other.unlink_on_delete is False
        assert other.acquire(False)
        semaphore.release()


@needs_fork
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_uses_it_and_does_not_unlink(semaphore: NamedSemaphore) -> None:
    pid = os.fork()
    if pid == 0:
        semaphore.acquire()
        semaphore._let_go()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    assert semaphore.value == 0
    assert NamedSemaphore(semaphore.name).value == 0


def test_the_end_of_the_process_unlinks(text: str, start_child: Callable[..., Child]) -> None:
    child = start_child(
        "kept = NamedSemaphore(arguments[0], 1, Flags.RAISE_IF_EXISTS); say(kept.value)", text
    )
    child.expect("1")
    child.finish()
    with pytest.raises(FileNotFoundError):
        NamedSemaphore(text)


@needs_posix
def test_a_plain_c_program_opens_it(text: str) -> None:
    semaphore = create(text, 3)
    tool = program("tests", "plain_posix")
    assert subprocess.check_output([tool, "sem-wait", text], text=True) == "2\n"
    assert semaphore.value == 2
    assert subprocess.check_output([tool, "sem-post", text], text=True) == "3\n"


@needs_posix
def test_what_a_plain_c_program_made_can_be_opened(text: str) -> None:
    tool = program("tests", "plain_posix")
    assert subprocess.check_output([tool, "sem-create", text, "4"], text=True) == "4\n"
    semaphore = NamedSemaphore(text, unlink_on_delete=True)
    assert semaphore.linked_existing_object
    assert semaphore.value == 4


@needs_posix
def test_posix_ipc_opens_it(text: str) -> None:
    posix_ipc = pytest.importorskip("posix_ipc")
    semaphore = create(text, 3)
    other = posix_ipc.Semaphore(text)
    other.acquire()
    assert semaphore.value == other.value == 2
    other.close()
    theirs = posix_ipc.Semaphore(text + "-2", posix_ipc.O_CREX, initial_value=6)
    assert NamedSemaphore(text + "-2").value == 6
    theirs.unlink()
    theirs.close()


@needs_unlink
def test_what_a_killed_process_was_to_unlink_is_cleaned_up(
    text: str, start_child: Callable[..., Child]
) -> None:
    child = start_child(
        """
        name = arguments[0].decode()
        semaphore = NamedSemaphore(name, 1, Flags.RAISE_IF_EXISTS)
        memory = NamedSharedMemory(name, 100, handle_existence=Flags.RAISE_IF_EXISTS)
        kept = NamedSemaphore(name + "-kept", 1, Flags.RAISE_IF_EXISTS, unlink_on_delete=False)
        lost = NamedSemaphore(name + "-lost", 1, Flags.RAISE_IF_EXISTS)
        say(1)
        hear()
        """,
        text,
    )
    child.expect("1")
    other = NamedSemaphore(text + "-lost", 5, Flags.UNLINK_AND_CREATE)
    smipc.clean_stale()
    assert NamedSemaphore(text).value == 1  # its process lives
    child.end()
    assert smipc.clean_stale() >= 2
    for kind in (NamedSemaphore, smipc.NamedSharedMemory):
        with pytest.raises(FileNotFoundError):
            kind(text)
    assert NamedSemaphore(text + "-lost").value == other.value == 5
    assert NamedSemaphore(text + "-kept", unlink_on_delete=True).value == 1


@needs_fork
def test_a_forked_child_does_not_keep_the_leftovers_of_its_parent(
    text: str, start_child: Callable[..., Child]
) -> None:
    child = start_child(
        """
        semaphore = NamedSemaphore(arguments[0], 1, Flags.RAISE_IF_EXISTS)
        grandchild = os.fork()
        if grandchild == 0:
            signal.pause()
        say(grandchild)
        hear()
        """,
        text,
    )
    grandchild = int(child.hear())
    os.kill(child.pid, signal.SIGKILL)
    child.process.wait()
    try:
        smipc.clean_stale()
        with pytest.raises(FileNotFoundError):
            NamedSemaphore(text)
    finally:
        os.kill(grandchild, signal.SIGKILL)
