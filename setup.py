"""Builds the optional compiled pickle machine; without a compiler the same source runs as plain Python.

`MODELSWEEP_PURE=1` leaves the extension out, which also makes the wheel fit every platform.
"""

import os
import sys
from pathlib import Path

from setuptools import Extension, setup

MACHINE = Path("scanners/parsing/pickle_machine.py")
DIRECTIVES = {"language_level": 3, "boundscheck": False, "wraparound": False, "embedsignature": False}
OPTIMISE = ["/O2"] if sys.platform == "win32" else ["-O3", "-g0"]


def compiled_machine() -> list[Extension]:
    """The extension to build, or nothing where pure Python is asked for or Cython cannot translate the source."""
    if os.environ.get("MODELSWEEP_PURE") == "1" or not MACHINE.exists():
        return []
    try:
        from Cython.Build import cythonize
        from Cython.Compiler.Errors import CompileError
    except ImportError:
        print("modelsweep: Cython is not installed; the pickle machine stays pure Python", file=sys.stderr)
        return []
    # `optional`: a missing or failing C compiler is a warning of setuptools, not the end of the build.
    extension = Extension("scanners.parsing.pickle_machine", [str(MACHINE)], extra_compile_args=OPTIMISE, optional=True)
    try:
        return list(cythonize([extension], build_dir="build/cython", compiler_directives=DIRECTIVES))
    except CompileError as error:
        print(f"modelsweep: Cython failed ({error}); the pickle machine stays pure Python", file=sys.stderr)
        return []


setup(ext_modules=compiled_machine())
