"""`smipc demo`: in all languages, on files of every awkward size, and it notices what is wrong."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from commands import shown_on_a_terminal
from programs import WATCHDOG_SECONDS, program

from smipc import cli_demo, demo, demo_build, demo_files, demo_protocol, demo_view

CAPACITY = 4096
FILES = 309  # in the folder below

Environment = dict[str, str]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files that are empty, of one byte, around the capacity, far above it, and many small ones."""
    root = tmp_path_factory.mktemp("files")
    content = random.Random(1)
    for size in (0, 1, CAPACITY - 1, CAPACITY, CAPACITY + 1, 3 * CAPACITY + 17, 1_000_003):
        (root / f"of-{size}-bytes").write_bytes(content.randbytes(size))
    (root / "deep" / "er").mkdir(parents=True)
    for number in range(300):
        (root / "deep" / "er" / f"small-{number}").write_bytes(content.randbytes(number))
    (root / "deep" / "empty too").touch()
    (root / "deep" / "sp ace, \u00e4\u4e2d and = sign").write_bytes(b"\0\n\r\xff")
    return root


@pytest.fixture(scope="session")
def with_programs(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment whose SMIPC_PROGRAMS has both C++ halves; without a compiler, a skip."""
    programs = tmp_path_factory.mktemp("programs")
    for name in ("demo_sender", "demo_receiver"):
        built = Path(program("cpp", name))
        shutil.copy(built, programs / built.name)
    return dict(os.environ, SMIPC_PROGRAMS=str(programs))


@pytest.fixture(autouse=True)
def no_channel_stays() -> Iterator[None]:
    """Of the demos that ran in this process, also when their halves were killed."""
    yield
    shared_memory = Path("/dev/shm")
    if shared_memory.is_dir():
        mine = f"smipc-demo-{os.getpid()}-"
        assert [entry.name for entry in shared_memory.iterdir() if mine in entry.name] == []


@pytest.fixture
def env_for(request: pytest.FixtureRequest) -> Callable[[str], Environment]:
    """The environment that a pair of languages needs."""

    def env(languages: str) -> Environment:
        if "cpp" in languages:
            chosen: Environment = request.getfixturevalue("with_programs")
            return chosen
        return dict(os.environ)

    return env


def run_demo(*arguments: str | Path, env: Environment) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "smipc", "demo", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=WATCHDOG_SECONDS,
        env=env,
    )


def json_of(*arguments: str | Path, env: Environment) -> tuple[int, dict]:
    done = run_demo(*arguments, "--json", env=env)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def index_of(folder: Path, name: str) -> int:
    return demo_files.list_files(str(folder)).names.index(os.fsencode(name))


# ---- All well ------------------------------------------------------------------------------------


@pytest.mark.parametrize("languages", demo.LANGUAGES)
def test_every_file_arrives(
    languages: str, folder: Path, env_for: Callable[[str], Environment]
) -> None:
    arguments = (folder, "--languages", languages, "--capacity", str(CAPACITY))
    code, result = json_of(*arguments, env=env_for(languages))
    assert code == 0
    assert result["ok"] is True
    assert result["languages"] == languages
    assert result["files"] == result["files_expected"] == FILES
    assert result["bytes"] == sum(
        file.stat().st_size for file in folder.rglob("*") if file.is_file()
    )
    assert result["largest_file_bytes"] == 1_000_003
    assert result["capacity_bytes"] == CAPACITY
    assert result["rounds"] == demo_protocol.TIMED_ROUNDS
    assert 0 < result["round_trip_p50_ns"] <= result["round_trip_p99_ns"]
    assert result["gigabytes_per_second"] > 0


def test_plain_lines_on_a_pipe(folder: Path) -> None:
    done = run_demo(folder, "--languages", "py-py", env=dict(os.environ))
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert "\r" not in done.stdout
    assert done.stderr == ""
    for wanted in (f"{FILES:,} files", "checked", "GB/s", "p50", "p99", "every SHA-256 is equal"):
        assert wanted in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")
def test_progress_bar_on_a_terminal(folder: Path) -> None:
    command = [sys.executable, "-m", "smipc", "demo", str(folder), "--languages", "py-py"]
    shown = shown_on_a_terminal(command)
    assert b"\r" in shown.replace(b"\r\n", b"\n")
    assert f"{FILES} of {FILES} files".encode() in shown
    assert b"every SHA-256 is equal" in shown


def test_channel_is_smaller_than_the_largest_file_by_default(folder: Path) -> None:
    listing = demo_files.list_files(str(folder))
    assert demo.default_capacity(listing) < listing.largest == 1_000_003


@pytest.mark.skipif(
    not os.path.isdir(demo_files.default_folder()), reason="this Python's library is an archive"
)
def test_default_folder_is_the_standard_library() -> None:
    listing = demo_files.list_files(demo_files.default_folder())
    assert len(listing.names) > 500
    assert 0 in listing.sizes
    assert b"json/__init__.py" in [name.replace(b"\\", b"/") for name in listing.names]


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need a privilege")
def test_listing_is_sorted_and_says_what_it_leaves_out(tmp_path: Path) -> None:
    for name in ("b", "a", "a.d/x", "a-d"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "link").symlink_to("a")
    (tmp_path / "broken").symlink_to("nothing")
    listing = demo_files.list_files(str(tmp_path))
    assert listing.names == sorted(listing.names)
    assert {name.replace(b"\\", b"/") for name in listing.names} == {
        b"a",
        b"a-d",
        b"a.d/x",
        b"b",
        b"link",
    }
    assert listing.unreadable == 1


# ---- What is wrong is found ----------------------------------------------------------------------


@pytest.mark.parametrize("languages", demo.LANGUAGES)
def test_one_changed_byte_is_found(
    languages: str, folder: Path, env_for: Callable[[str], Environment]
) -> None:
    name = f"of-{3 * CAPACITY + 17}-bytes"
    fault = f"flip:{index_of(folder, name)}"
    arguments = (folder, "--languages", languages, "--fault", fault)
    code, result = json_of(*arguments, env=env_for(languages))
    assert code == 1
    assert result["ok"] is False
    assert result["bad"] == [{"name": name, "what": "digest"}]
    assert result["files"] == FILES


@pytest.mark.parametrize("languages", demo.LANGUAGES)
def test_a_missing_file_is_found(
    languages: str, folder: Path, env_for: Callable[[str], Environment]
) -> None:
    fault = f"skip:{index_of(folder, 'of-0-bytes')}"
    arguments = (folder, "--languages", languages, "--fault", fault)
    code, result = json_of(*arguments, env=env_for(languages))
    assert code == 1
    assert result["bad"] == [{"name": "of-0-bytes", "what": "missing"}]
    assert result["files"] == FILES - 1


def test_what_is_wrong_is_said_in_words(folder: Path) -> None:
    fault = f"flip:{index_of(folder, 'of-1-bytes')}"
    done = run_demo(folder, "--languages", "py-py", "--fault", fault, env=dict(os.environ))
    assert done.returncode == 1
    assert "'of-1-bytes' arrived with other bytes than were sent" in done.stdout
    assert "FAILED" in done.stdout


@pytest.mark.parametrize("languages", demo.LANGUAGES)
def test_a_file_that_vanishes_ends_the_demo(
    languages: str,
    env_for: Callable[[str], Environment],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in env_for(languages).items():
        monkeypatch.setenv(name, value)
    (tmp_path / "here").write_bytes(b"x")
    (tmp_path / "there").write_bytes(b"x")
    listing = demo_files.list_files(str(tmp_path))
    (tmp_path / "there").unlink()
    with pytest.raises(demo.DemoError, match=r"sender ended with 1"):
        demo.run(listing, languages, CAPACITY, "", demo_view.SilentView())


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a shell script")
@pytest.mark.parametrize("languages", ["cpp-py", "py-cpp"])
def test_a_half_that_does_not_start_ends_the_demo(
    languages: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("demo_sender", "demo_receiver"):
        (tmp_path / name).write_text("#!/bin/sh\nexit 3\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("SMIPC_PROGRAMS", str(tmp_path))
    listing = demo_files.list_files(str(folder))
    with pytest.raises(demo.DemoError, match="ended with 3"):
        demo.run(listing, languages, CAPACITY, "", demo_view.SilentView())


def test_a_folder_without_files_is_an_error(tmp_path: Path) -> None:
    done = run_demo(tmp_path, env=dict(os.environ))
    assert done.returncode == 1
    assert str(tmp_path) in done.stderr
    code, result = json_of(tmp_path / "nowhere", env=dict(os.environ))
    assert code == 1
    assert result["ok"] is False
    assert "nowhere" in result["error"]


@pytest.mark.parametrize("capacity", ["0", "-1", "many", str(1 << 41)])
def test_a_capacity_that_cannot_be_is_refused(capacity: str, folder: Path) -> None:
    done = run_demo(folder, f"--capacity={capacity}", env=dict(os.environ))
    assert done.returncode == 2
    assert f"--capacity: '{capacity}' is not a number of bytes from 1 to " in done.stderr


# ---- Protocol ------------------------------------------------------------------------------------


def test_manifest_comes_back_as_it_was_packed() -> None:
    entries = [
        demo_protocol.Entry(2**40, b"d" * 32, b"a/b"),
        demo_protocol.Entry(0, b"e" * 32, b""),
    ]
    packed = demo_protocol.pack_manifest(entries)
    assert demo_protocol.unpack_manifest(packed) == entries
    with pytest.raises(ValueError, match="middle of an entry"):
        demo_protocol.unpack_manifest(demo_protocol.pack_manifest(entries[:1])[:-1])


# FIPS 180-4's examples, and lengths around its blocks and padding.
SHA256_INPUTS = [
    b"",
    b"abc",
    b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
    b"a" * 1_000_000,
    *(bytes(range(256))[:length] for length in (1, 55, 56, 57, 63, 64, 65, 119, 120, 121, 128)),
]


@pytest.mark.parametrize("piece", ["0", "1", "63", "64", "100"])
def test_sha256_of_the_cpp_programs_is_sha256(piece: str) -> None:
    tool = program("tests", "sha256_tool")
    for data in SHA256_INPUTS:
        done = subprocess.run([tool, piece], input=data, capture_output=True, check=True)
        assert done.stdout.decode().strip() == hashlib.sha256(data).hexdigest(), len(data)


def test_sha256_gives_the_digest_of_the_standard() -> None:
    done = subprocess.run(
        [program("tests", "sha256_tool")], input=b"abc", capture_output=True, check=True
    )
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert done.stdout.decode().strip() == digest


# ---- The C++ programs ----------------------------------------------------------------------------


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("SMIPC_PROGRAMS", raising=False)
    monkeypatch.setattr(demo_build, "_cache_dir", lambda: tmp_path / "cache")
    return tmp_path / "cache"


def test_programs_are_compiled_once(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if demo_build.find_compiler() is None:
        pytest.skip("NOT TESTED: no C++ compiler")
    path = demo_build.program("demo_sender")
    assert empty_cache in Path(path).parents
    assert [file.name for file in Path(path).parent.iterdir()] == [Path(path).name]

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("compiled again")

    monkeypatch.setattr(demo_build.subprocess, "run", refuse)
    assert demo_build.program("demo_sender") == path


def test_another_compiler_makes_other_programs(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", f"{sys.executable} -c pass")
    compiler, *options = demo_build.find_compiler() or []
    assert (Path(compiler), options) == (Path(sys.executable), ["-c", "pass"])
    first = demo_build._key(demo_build.cli_paths.demo_sources_dir(), ["c++"])
    second = demo_build._key(demo_build.cli_paths.demo_sources_dir(), ["clang++"])
    assert first != second


def test_another_header_makes_other_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    include, copy = demo_build.cli_paths.include_dir(), tmp_path / "include"
    shutil.copytree(include / "smipc", copy / "smipc")
    for name in ("smipc.h", "smipc.hpp"):
        shutil.copy(include / name, copy)
    monkeypatch.setattr(demo_build.cli_paths, "include_dir", lambda: copy)

    def key() -> str:
        return demo_build._key(demo_build.cli_paths.demo_sources_dir(), ["c++"])

    headers = sorted(copy.rglob("*.h*"))
    assert "channel.hpp" in {path.name for path in headers}
    keys = [key()]
    for header in headers:
        header.write_text(header.read_text() + "// changed\n")
        keys.append(key())
    assert len(set(keys)) == len(keys)


def test_a_compiler_that_refuses_is_quoted(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = "import sys; sys.exit('no such standard')"
    monkeypatch.setenv("CXX", f'{sys.executable} -c "{script}"')
    with pytest.raises(demo_build.BuildError, match="no such standard"):
        demo_build.program("demo_sender")
    assert list(empty_cache.rglob("demo_*")) == []
    assert cli_demo._default_languages() == "py-py"
    assert "no such standard" in capsys.readouterr().err


def test_without_a_compiler_both_are_python(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", "")
    assert demo.default_languages() == "py-py"
    with pytest.raises(demo_build.BuildError, match="no C\\+\\+ compiler"):
        demo_build.program("demo_sender")


def test_programs_folder_without_the_program_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMIPC_PROGRAMS", str(tmp_path))
    with pytest.raises(demo_build.BuildError, match="demo_sender"):
        demo_build.program("demo_sender")
