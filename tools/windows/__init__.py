"""smipc on Windows, from a Linux machine: built with mingw-w64, tested under Wine.

    python3 tools/dev.py windows                                  all of it, and macOS
    python3 tools/dev.py windows setup
    python3 tools/dev.py windows cpp|python|linux [ARGUMENTS]     one suite; arguments go to it
    python3 tools/dev.py windows macos

environment.py sets up compiler, Wine and a Windows CPython; build.py builds; suites.py runs test
programs, and jobs.py says which. Everything but Debian's packages lies in build/windows/: deleting
that undoes it.
"""
