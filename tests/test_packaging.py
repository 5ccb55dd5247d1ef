"""What users get: the install tree, the package that pip installs, and what can be built on both.

The package is installed from this source tree into a virtual environment of its own, on a PATH
without cmake and ninja. Nothing here looks into the environment that the tests run in.
"""

from __future__ import annotations

import email
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import uuid
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROJECTS = Path(__file__).resolve().parent / "packaging"
HEADER = ROOT / "native" / "include" / "smipc.h"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(sys.platform != "linux", reason="reads ELF files and wheels of Linux"),
]


def tool(*names: str) -> str:
    """The first of the programs that this machine has; CI has to have one."""
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None and os.environ.get("CI"):
        pytest.fail(f"CI needs one of {', '.join(names)}")
    if found is None:
        pytest.skip(f"NOT TESTED: none of {', '.join(names)} is installed")
    return found


def run(*command: str | Path, env: dict[str, str] | None = None, cwd: Path | None = None) -> str:
    """Runs a command that has to succeed and returns what it printed."""
    words = [str(part) for part in command]
    done = subprocess.run(words, capture_output=True, text=True, env=env, cwd=cwd)
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def version() -> str:
    cmake_lists = (ROOT / "native" / "CMakeLists.txt").read_text()
    found = re.search(r"project\(smipc VERSION ([\d.]+)", cmake_lists)
    assert found
    return found[1]


def channel_name() -> str:
    """One of this run's, so that conftest.py finds out if it stays behind."""
    return f"{os.environ['SMIPC_TEST_RUN']}-packaging-{uuid.uuid4().hex[:8]}"


def check_loopback(program: Path, **environment: str) -> None:
    """Runs a built loopback program on a channel of its own and checks what it says."""
    said = run(program, channel_name(), env={**os.environ, **environment})
    assert said == f"{version()} hello\n"


# ---- The install tree ----------------------------------------------------------------------------


@pytest.fixture(scope="session")
def install_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prefix with smipc in it, moved after the installation: nothing may recall the old place."""
    cmake = tool("cmake")
    folder = tmp_path_factory.mktemp("install-tree")
    build = os.environ.get("SMIPC_NATIVE_BUILD")
    if build is None:
        build = str(folder / "build")
        run(cmake, "-S", ROOT / "native", "-B", build)
        run(cmake, "--build", build)
    run(cmake, "--install", build, "--prefix", folder / "installed")
    return (folder / "installed").rename(folder / "moved")


def library_dir(prefix: Path) -> Path:
    (package,) = prefix.rglob("smipc.pc")
    return package.parent.parent


def test_install_tree_names_the_library_as_unix_expects(install_tree: Path) -> None:
    library = library_dir(install_tree) / "libsmipc.so"
    assert library.is_symlink()
    assert library.resolve().name == f"libsmipc.so.{version()}"
    dynamic = run(tool("readelf"), "--dynamic", library)
    assert re.search(r"\(SONAME\).*\[libsmipc\.so\.0\]", dynamic)


@pytest.mark.parametrize("project", ["cmake_c_project", "cmake_cpp_project"])
def test_cmake_project_builds_on_the_install_tree(
    project: str, install_tree: Path, tmp_path: Path
) -> None:
    cmake = tool("cmake")
    run(cmake, "-S", PROJECTS / project, "-B", tmp_path, f"-DCMAKE_PREFIX_PATH={install_tree}")
    run(cmake, "--build", tmp_path)
    check_loopback(tmp_path / "loopback")


def test_makefile_builds_on_the_install_tree(install_tree: Path, tmp_path: Path) -> None:
    libraries = library_dir(install_tree)
    build_by_make(libraries / "pkgconfig", tmp_path)
    check_loopback(tmp_path / "loopback", LD_LIBRARY_PATH=str(libraries))


def build_by_make(pkgconfig: Path, out: Path) -> None:
    tool("pkg-config")
    env = dict(os.environ, PKG_CONFIG_PATH=str(pkgconfig))
    assert run("pkg-config", "--modversion", "smipc", env=env).strip() == version()
    run(tool("make"), "-C", PROJECTS / "makefile_project", f"OUT={out}", env=env)


def test_another_minor_version_is_not_taken_for_this_one(
    install_tree: Path, tmp_path: Path
) -> None:
    project = tmp_path / "CMakeLists.txt"
    project.write_text(
        "cmake_minimum_required(VERSION 3.16)\nproject(outside LANGUAGES NONE)\n"
        "find_package(smipc 0.99 CONFIG QUIET)\n"
        "if(smipc_FOUND)\n  message(FATAL_ERROR found)\nendif()\n"
        "find_package(smipc 0.1 CONFIG REQUIRED)\n"
    )
    build = tmp_path / "build"
    run(tool("cmake"), "-S", tmp_path, "-B", build, f"-DCMAKE_PREFIX_PATH={install_tree}")


# ---- The library and its header ------------------------------------------------------------------


def declared_functions() -> set[str]:
    headers = [HEADER, *sorted((HEADER.parent / "smipc").glob("*.h"))]
    text = "".join(header.read_text() for header in headers)
    code = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    code = re.sub(r"^#.*$", "", code, flags=re.MULTILINE)
    names = set(re.findall(r"SMIPC_API\b[^;(]*?\b(\w+)\(", code))
    assert len(names) > 30, names
    return names


def exported_symbols(library: Path) -> set[str]:
    lines = run(tool("nm"), "--dynamic", "--defined-only", library).splitlines()
    return {line.split()[-1] for line in lines}


def needed_libraries(library: Path) -> set[str]:
    dynamic = run(tool("readelf"), "--dynamic", library)
    return set(re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic))


def is_from_the_c_library(name: str) -> bool:
    names = r"(libc|libm|libpthread|librt|ld-linux.*|libc\.musl.*)\.so[.\d]*"
    return re.fullmatch(names, name) is not None


def test_only_the_functions_of_the_header_are_exported(install_tree: Path) -> None:
    assert exported_symbols(library_dir(install_tree) / "libsmipc.so") == declared_functions()


def test_library_needs_the_c_library_alone(install_tree: Path) -> None:
    needed = needed_libraries(library_dir(install_tree) / "libsmipc.so")
    assert needed
    assert {name for name in needed if not is_from_the_c_library(name)} == set()


@pytest.mark.parametrize("options", [["-x", "c", "-std=c99"], ["-x", "c++", "-std=c++20"]])
def test_header_compiles_without_a_warning(options: list[str]) -> None:
    compiler = tool("cc", "gcc", "clang")
    strict = ["-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only"]
    run(compiler, *options, *strict, f"-I{HEADER.parent}", "-include", "smipc.h", os.devnull)


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_cpp_header_compiles_without_a_warning(compiler: str) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"NOT TESTED: {compiler} is not installed")
    strict = ["-std=c++20", "-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only"]
    # A program that calls everything: templates are looked at when they are used.
    for file in (os.devnull, ROOT / "tests" / "native_programs" / "api_cpp.cpp"):
        run(compiler, "-x", "c++", *strict, f"-I{HEADER.parent}", "-include", "smipc.hpp", file)


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_an_older_cpp_is_told_what_the_header_needs(compiler: str) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"NOT TESTED: {compiler} is not installed")
    options = ("-x", "c++", "-std=c++17", "-fsyntax-only", f"-I{HEADER.parent}")
    command = (compiler, *options, "-include", "smipc.hpp", os.devnull)
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode != 0
    first_error = next(line for line in done.stderr.splitlines() if "error:" in line)
    assert "smipc.hpp needs C++20" in first_error


def test_the_library_takes_clang(tmp_path: Path) -> None:
    clang = shutil.which("clang++")
    if clang is None:
        pytest.skip("NOT TESTED: clang++ is not installed")
    options = {"CMAKE_CXX_COMPILER": clang, "CMAKE_EXPORT_COMPILE_COMMANDS": "ON"}
    defines = [f"-D{key}={value}" for key, value in options.items()]
    run(tool("cmake"), "-S", ROOT / "native", "-B", tmp_path, "-G", "Unix Makefiles", *defines)
    commands = json.loads((tmp_path / "compile_commands.json").read_text())
    sources = {Path(entry["file"]).name: entry for entry in commands}
    words = shlex.split(sources["error.cpp"]["command"])
    run(*words, "-Werror", "-fsyntax-only", cwd=Path(sources["error.cpp"]["directory"]))


# ---- The package that pip installs ---------------------------------------------------------------


@dataclass(frozen=True)
class CleanInstall:
    """A virtual environment that holds smipc and what it depends on."""

    python: Path
    packages: Path  # its site-packages

    def run(self, *arguments: str) -> str:
        env = {key: value for key, value in os.environ.items() if not key.startswith("SMIPC_")}
        return run(self.python, *arguments, env=env, cwd=self.python.parent)

    @property
    def metadata(self) -> Path:
        (folder,) = self.packages.glob("smipc-*.dist-info")
        return folder


def path_without(unwanted: re.Pattern[str], folder: Path) -> Path:
    """A folder of links to every program on the PATH but the unwanted ones and Python's own."""
    folder.mkdir()
    for entry in os.environ["PATH"].split(os.pathsep):
        directory = Path(entry)
        if not directory.is_dir() or directory.is_relative_to(sys.prefix):
            continue
        for program in directory.iterdir():
            link = folder / program.name
            if not unwanted.match(program.name) and not link.is_symlink():
                link.symlink_to(program)
    return folder


@pytest.fixture(scope="session")
def clean_install(tmp_path_factory: pytest.TempPathFactory) -> CleanInstall:
    folder = tmp_path_factory.mktemp("clean-install")
    path = path_without(re.compile(r"cmake|ctest|cpack|ninja"), folder / "path")
    for name in ("cmake", "ninja"):
        assert shutil.which(name, path=str(path)) is None
    run(sys.executable, "-m", "venv", "--without-pip", folder / "venv")
    python = folder / "venv" / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python)
    env = {
        key: value for key, value in os.environ.items() if not key.startswith(("SMIPC_", "CMAKE_"))
    }
    run(*pip, "install", ROOT, env={**env, "PATH": str(path)}, cwd=folder)
    packages = run(python, "-c", "import sysconfig; print(sysconfig.get_path('platlib'))")
    return CleanInstall(python, Path(packages.strip()))


def test_wheel_fits_every_python_of_this_platform(clean_install: CleanInstall) -> None:
    wheel = email.message_from_string((clean_install.metadata / "WHEEL").read_text())
    tags = wheel.get_all("Tag")
    assert tags
    for tag in tags:
        assert re.fullmatch(r"py3-none-(many|musl)?linux_\w+", tag)
    assert wheel["Root-Is-Purelib"] == "false"


def test_wheel_holds_what_users_of_every_language_need(clean_install: CleanInstall) -> None:
    record = (clean_install.metadata / "RECORD").read_text().splitlines()
    files = {line.split(",")[0] for line in record}
    demo = {f"smipc/_demo/{path.name}" for path in (ROOT / "examples/cpp").glob("demo_*.[ch]pp")}
    assert demo
    wanted = {
        "smipc/__init__.py",
        "smipc/py.typed",
        "smipc/lib/libsmipc.so",
        "smipc/include/smipc.h",
        "smipc/include/smipc.hpp",
        "smipc/lib/cmake/smipc/smipcConfig.cmake",
        "smipc/lib/cmake/smipc/smipcConfigVersion.cmake",
        "smipc/lib/cmake/smipc/smipcTargets.cmake",
        "smipc/lib/pkgconfig/smipc.pc",
        f"smipc-{version()}.dist-info/licenses/LICENSE",
    }
    assert wanted | demo <= files
    tops = {name.split("/")[0] for name in files if not name.startswith("..")}
    assert tops == {"smipc", f"smipc-{version()}.dist-info"}
    assert [name for name in files if "libsmipc" in name] == ["smipc/lib/libsmipc.so"]


def test_packaged_library_is_like_the_one_of_the_install_tree(clean_install: CleanInstall) -> None:
    library = clean_install.packages / "smipc/lib/libsmipc.so"
    assert exported_symbols(library) == declared_functions()
    assert {name for name in needed_libraries(library) if not is_from_the_c_library(name)} == set()


def test_package_depends_on_cffi_alone(clean_install: CleanInstall) -> None:
    listed = run(
        *(sys.executable, "-m", "pip", "--python", clean_install.python),
        *("list", "--format=json", "--disable-pip-version-check"),
    )
    names = {package["name"] for package in json.loads(listed)}
    assert names == {"smipc", "cffi", "pycparser"}


def test_package_works_where_it_was_installed(clean_install: CleanInstall) -> None:
    script = (
        "import sys\n"
        "from smipc import *\n"
        "with open_channel(sys.argv[1], CHAN_W) as w, open_channel(sys.argv[1], CHAN_R) as r:\n"
        "    w.write(b'hello')\n"
        "    buffer = bytearray(5)\n"
        "    assert r.read(buffer, 5, blocking=True) == 5\n"
        "    print(bytes(buffer))\n"
    )
    said = clean_install.run("-c", script, channel_name())
    assert said == "b'hello'\n"


@pytest.mark.parametrize("project", ["cmake_c_project", "cmake_cpp_project"])
def test_cmake_project_builds_on_the_installed_package(
    project: str, clean_install: CleanInstall, tmp_path: Path
) -> None:
    cmake = tool("cmake")
    package = clean_install.run("-m", "smipc", "config", "--cmakedir").strip()
    assert Path(package) == clean_install.packages / "smipc/lib/cmake/smipc"
    run(cmake, "-S", PROJECTS / project, "-B", tmp_path, f"-Dsmipc_DIR={package}")
    run(cmake, "--build", tmp_path)
    check_loopback(tmp_path / "loopback")


def test_makefile_builds_on_the_installed_package(
    clean_install: CleanInstall, tmp_path: Path
) -> None:
    pkgconfig = Path(clean_install.run("-m", "smipc", "config", "--pkgconfigdir").strip())
    build_by_make(pkgconfig, tmp_path)
    check_loopback(tmp_path / "loopback")


def test_compiler_options_of_the_package_are_enough(
    clean_install: CleanInstall, tmp_path: Path
) -> None:
    options = clean_install.run("-m", "smipc", "config", "--cflags", "--libs")
    program = tmp_path / "loopback"
    run(tool("cc"), PROJECTS / "loopback.c", "-o", program, *shlex.split(options))
    check_loopback(program)


# ---- The source distribution ---------------------------------------------------------------------


def test_sdist_holds_what_builds_it_and_nothing_that_was_built(tmp_path: Path) -> None:
    pytest.importorskip("scikit_build_core")
    script = f"from scikit_build_core.build import build_sdist; build_sdist({str(tmp_path)!r})"
    run(sys.executable, "-c", script, cwd=ROOT)
    (archive,) = tmp_path.glob("smipc-*.tar.gz")
    with tarfile.open(archive) as tar:
        files = {name.partition("/")[2] for name in tar.getnames()}
    wanted = {"pyproject.toml", "LICENSE", "README.md", "native/CMakeLists.txt", "smipc/py.typed"}
    assert wanted <= files
    assert [name for name in files if name.startswith((".venv", "build/", ".git/"))] == []
