"""Locks of structures, across processes and threads: who waits for whom, and what death leaves."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import targets
from children import Child
from shared_structs import Pair

import smipc
from smipc import (
    CutOffEditWarning,
    DataStructMmapEditor,
    DataStructMmapManager,
    DataStructMmapReader,
)

ON_WINDOWS = sys.platform == "win32"
STARTS = ["spawn"] if ON_WINDOWS else ["fork", "spawn", "forkserver"]

needs_signals = pytest.mark.skipif(ON_WINDOWS, reason="fork, or signals other than Ctrl-C")

OPENING = """
from shared_structs import Pair
from smipc import DataStructMmapEditor, DataStructMmapManager, DataStructMmapReader
folder = arguments[0]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    DataStructMmapManager(Pair, mmapDir=tmp_path, create=True).closeMemory()
    return tmp_path


@pytest.fixture
def start(
    start_child: Callable[..., Child], monkeypatch: pytest.MonkeyPatch, folder: Path
) -> Callable[[str], Child]:
    """Starts a child that knows the structure and its folder."""
    path = os.pathsep.join(filter(None, (str(Path(__file__).parent), os.getenv("PYTHONPATH"))))
    monkeypatch.setenv("PYTHONPATH", path)
    import textwrap

    return lambda code: start_child(OPENING + textwrap.dedent(code), folder)


def editor_in(folder: Path, **options: Any) -> DataStructMmapEditor:
    return DataStructMmapEditor(Pair, mmapDir=folder, **options)


def reader_in(folder: Path, **options: Any) -> DataStructMmapReader:
    return DataStructMmapReader(Pair, mmapDir=folder, **options)


# ---- One editor or many readers


def test_handles_exclude_each_other(folder: Path) -> None:
    first, second = editor_in(folder), editor_in(folder)
    readers = [reader_in(folder) for _ in range(3)]
    with first:
        for other in (second, *readers):
            assert other.lock(blocking=False) is False
            assert other.lock(timeout=0.01) is False
    for reader in readers:
        assert reader.lock()
    assert first.lock(blocking=False) is False
    for reader in readers:
        reader.unlock()
    assert first.lock(blocking=False) is True
    first.unlock()


def test_processes_exclude_each_other(folder: Path, start: Callable[[str], Child]) -> None:
    child = start("""
        with DataStructMmapEditor(Pair, mmapDir=folder) as editor:
            say("inside")
            hear()
            editor.a = 5
        say("outside")
        hear()
    """)
    child.expect("inside")
    reader = reader_in(folder)
    assert not reader.lock(blocking=False)
    child.say("leave")
    with reader:  # waits
        assert reader.a == 5
    child.expect("outside")


def test_a_timeout_of_with_is_an_error(folder: Path) -> None:
    reader = reader_in(folder, timeout=0.02)
    with editor_in(folder), pytest.raises(smipc.TimedOutError, match=r"not locked within 0.02 s"):
        reader.__enter__()
    with reader:
        pass


def test_one_handle_is_for_one_thread_at_a_time(folder: Path) -> None:
    editor = editor_in(folder)
    turns = 300

    def count() -> None:
        for _ in range(turns):
            with editor:
                assert editor.a == editor.b
                editor.a += 1
                editor.b += 1

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert editor.a == editor.b == 4 * turns


def test_threads_share_a_reader(folder: Path) -> None:
    reader = reader_in(folder)
    together = threading.Barrier(3, timeout=60)

    def read() -> None:
        with reader:
            together.wait()

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not together.broken
    assert editor_in(folder).lock(blocking=False)


def test_a_thread_that_would_wait_for_itself_is_told(folder: Path) -> None:
    editor = editor_in(folder)
    with editor, pytest.raises(smipc.BusyError, match="this thread holds it already"):
        editor.lock(timeout=60)
    reader = reader_in(folder)
    with reader, reader:
        assert not editor.lock(blocking=False)
    assert editor.lock(blocking=False)


def test_unlocking_what_is_not_locked(folder: Path) -> None:
    for handle in (editor_in(folder), reader_in(folder)):
        with pytest.raises(ValueError, match="not locked by this handle"):
            handle.unlock()


def test_no_blocking(folder: Path) -> None:
    editor = editor_in(folder)
    with pytest.raises(TypeError, match="blocking must be True or False, not int: 1"):
        editor.lock(1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"a timeout \(1\) without blocking"):
        editor.lock(False, 1)
    for bad in (-1, float("nan")):
        with pytest.raises(ValueError, match="timeout must not be negative"):
            editor.lock(timeout=bad)
    assert editor.lock(blocking=False)


def test_nobody_sees_half_an_edit(folder: Path, start: Callable[[str], Child]) -> None:
    code = """
        editor = DataStructMmapEditor(Pair, mmapDir=folder)
        reader = DataStructMmapReader(Pair, mmapDir=folder)
        for turn in range(500):
            with editor:
                editor.a += 1
                editor.b += 1
            with reader:
                assert reader.a == reader.b
        say("done")
    """
    children = [start(code) for _ in range(4)]
    for child in children:
        child.expect("done")
    assert reader_in(folder).a == 2000


def test_readers_that_overlap_do_not_keep_an_editor_out(
    folder: Path, start: Callable[[str], Child]
) -> None:
    code = """
        say("ready")
        reader = DataStructMmapReader(Pair, mmapDir=folder)
        done = False
        while not done:
            with reader:
                done = sum(reader.a for _ in range(50)) > 0
        say("done")
    """
    children = [start(code) for _ in range(3)]
    for child in children:
        child.expect("ready")
    with editor_in(folder) as editor:
        editor.a = 1
    for child in children:
        child.expect("done")


# ---- Death


def test_a_killed_editor_frees_the_lock_and_is_told(
    folder: Path, start: Callable[[str], Child]
) -> None:
    child = start("""
        editor = DataStructMmapEditor(Pair, mmapDir=folder)
        editor.lock()
        editor.a = 5
        say("half")
        hear()
    """)
    child.expect("half")
    pid = child.pid
    waiting = reader_in(folder)
    assert not waiting.lock(blocking=False)
    os.kill(pid, signal.SIGTERM if ON_WINDOWS else signal.SIGKILL)
    with pytest.warns(CutOffEditWarning, match=f"process {pid} ended in the middle"):
        assert waiting.lock()
    assert waiting.cutOffPid == pid
    assert (waiting.a, waiting.b) == (5, 0)
    waiting.unlock()
    with pytest.warns(CutOffEditWarning), reader_in(folder) as late:  # still
        assert late.cutOffPid == pid
    editor = editor_in(folder)
    with pytest.warns(CutOffEditWarning), editor:
        assert editor.cutOffPid == pid
        editor.b = 5
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with editor, pytest.raises(smipc.BusyError):
            editor.lock()
        assert editor.cutOffPid is None
        with waiting:
            assert waiting.cutOffPid is None


def test_a_killed_reader_leaves_nothing(folder: Path, start: Callable[[str], Child]) -> None:
    child = start(
        "reader = DataStructMmapReader(Pair, mmapDir=folder); reader.lock(); say(1); hear()"
    )
    child.expect("1")
    editor = editor_in(folder)
    assert not editor.lock(blocking=False)
    child.end()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with editor:
            assert editor.cutOffPid is None


def test_a_warning_that_is_an_error_leaves_it_unlocked(
    folder: Path, start: Callable[[str], Child]
) -> None:
    child = start("editor = DataStructMmapEditor(Pair, mmapDir=folder); editor.lock(); os._exit(0)")
    child.finish()
    reader = reader_in(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(CutOffEditWarning):
            reader.__enter__()
        with pytest.raises(CutOffEditWarning):
            reader.lock()
        # An editor that does not get in has mended nothing: the next ones are told, too.
        editor = editor_in(folder)
        with pytest.raises(CutOffEditWarning):
            editor.__enter__()
        with pytest.raises(CutOffEditWarning):
            editor.lock()
    assert editor.cutOffPid == child.pid
    with pytest.warns(CutOffEditWarning), editor_in(folder):
        pass
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with editor, pytest.raises(smipc.BusyError):
            editor.lock()
        assert editor.cutOffPid is None


def test_an_exception_within_is_no_cut_off_edit(folder: Path) -> None:
    editor = editor_in(folder)
    with pytest.raises(KeyError), editor:
        raise KeyError
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with editor:
            pass


def test_killed_at_any_moment(folder: Path, start: Callable[[str], Child]) -> None:
    code = """
        editor = DataStructMmapEditor(Pair, mmapDir=folder)
        say("ready")
        import warnings
        warnings.simplefilter("ignore")
        while True:
            with editor:
                editor.a += 1
                editor.b = editor.a
    """
    reader = reader_in(folder)
    for _ in range(12):
        child = start(code)
        child.expect("ready")
        seen = reader.a
        while reader.a < seen + 20:
            pass
        child.end()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with reader:
                assert reader.a == reader.b or reader.cutOffPid == child.pid


def test_force_mends(folder: Path, start: Callable[[str], Child]) -> None:
    start(
        "editor = DataStructMmapEditor(Pair, mmapDir=folder); editor.lock(); os._exit(0)"
    ).finish()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with DataStructMmapManager(Pair, folder, create=True, force=True) as manager:
            assert manager.cutOffPid is None


def test_create_in_vain_keeps_the_report(folder: Path, start: Callable[[str], Child]) -> None:
    start(
        "editor = DataStructMmapEditor(Pair, mmapDir=folder); editor.lock(); os._exit(0)"
    ).finish()
    with pytest.raises(FileExistsError):
        DataStructMmapManager(Pair, folder, create=True)
    with pytest.warns(CutOffEditWarning), reader_in(folder):
        pass


# ---- Signals


@pytest.mark.parametrize(
    "how", ["handle.lock()", "handle.lock(timeout=3600)", "handle.__enter__()"]
)
def test_ctrl_c_breaks_a_wait(folder: Path, start: Callable[[str], Child], how: str) -> None:
    editor = editor_in(folder)
    editor.lock()
    child = start(f"""
        handle = DataStructMmapReader(Pair, mmapDir=folder)
        say_when_waiting("waiting")
        try:
            {how}
        except KeyboardInterrupt:
            say("interrupted")
        hear()
        say(handle.lock(blocking=False))
        """)
    child.expect("waiting")
    child.interrupt()
    child.expect("interrupted")
    editor.unlock()
    child.say("go on")
    child.expect("True")


@needs_signals
def test_a_signal_that_is_handled_does_not_end_a_wait(
    folder: Path, start: Callable[[str], Child]
) -> None:
    editor = editor_in(folder)
    editor.lock()
    child = start("""
        signal.signal(signal.SIGUSR1, lambda *_: say("handled"))
        say_when_waiting("waiting")
        say(DataStructMmapEditor(Pair, mmapDir=folder).lock(timeout=3600))
    """)
    child.expect("waiting")
    for _ in range(3):
        os.kill(child.pid, signal.SIGUSR1)
        child.expect("handled")
    editor.unlock()
    child.expect("True")


def test_closing_ends_the_wait_of_another_thread(folder: Path) -> None:
    holder, waiter = editor_in(folder), editor_in(folder)
    holder.lock()
    ended: list[str] = []
    begun = threading.Event()

    def wait() -> None:
        begun.set()
        try:
            waiter.lock()
        except smipc.ClosedError as error:
            ended.append(str(error))

    thread = threading.Thread(target=wait)
    thread.start()
    begun.wait()
    waiter.closeMemory()
    thread.join()
    assert ended
    holder.unlock()


# ---- Other processes


@pytest.mark.parametrize("method", STARTS)
def test_multiprocessing_hands_it_on(folder: Path, method: str) -> None:
    context = multiprocessing.get_context(method)
    editor = editor_in(folder)
    out = context.Queue()
    process = context.Process(target=targets.edit, args=(editor, out))
    process.start()
    assert out.get() == 1
    process.join()
    with editor:
        assert editor.a == 1


def test_pickle(folder: Path) -> None:
    manager = DataStructMmapManager(Pair, mmapDir=folder, tag=None)
    other = pickle.loads(pickle.dumps(manager))
    with other:
        assert not manager.lock(blocking=False)


def test_pickle_keeps_the_file_when_the_folder_changes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (folder / "locks").mkdir()
    for place in ({}, {"mmapDir": "."}, {"fastenerDir": "locks"}):
        editor = DataStructMmapEditor(Pair, **place)
        pickled = pickle.dumps(editor)
        monkeypatch.chdir(folder / "locks")
        other = pickle.loads(pickled)
        assert (other.path, other.lockPath) == (editor.path, editor.lockPath)
        monkeypatch.chdir(folder)


@needs_signals
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_has_none_of_the_locks(folder: Path) -> None:
    editor = editor_in(folder)
    reading, writing = os.pipe()
    with editor:
        pid = os.fork()
        if pid == 0:
            held = editor.lock(blocking=False)  # the parent has it
            try:
                editor.unlock()
            except ValueError:
                held = held or False
            os.write(writing, b"1" if held else b"0")
            with editor:  # waits for the parent
                editor.a = 7
            os._exit(0)
        assert os.read(reading, 1) == b"0"
        assert editor.a == 0
    assert os.waitpid(pid, 0)[1] == 0
    with editor:
        assert editor.a == 7
    os.close(reading)
    os.close(writing)


@needs_signals
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_does_not_keep_its_dead_parents_lock(
    folder: Path, start: Callable[[str], Child]
) -> None:
    child = start("""
        editor = DataStructMmapEditor(Pair, mmapDir=folder)
        editor.lock()
        grandchild = os.fork()
        if grandchild == 0:
            signal.pause()
        say(grandchild)
        hear()
    """)
    grandchild = int(child.hear())
    try:
        os.kill(child.pid, signal.SIGKILL)
        with pytest.warns(CutOffEditWarning), editor_in(folder) as editor:
            assert editor.cutOffPid == child.pid
    finally:
        os.kill(grandchild, signal.SIGKILL)
