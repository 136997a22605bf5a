"""Builds the optional compiled pickle machine; without a compiler the same source runs as plain Python.

`MODELSWEEP_PURE=1` leaves the extension out, which also makes the wheel fit every platform.
"""

import os
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import BaseError, CCompilerError

MACHINE = Path("scanners/parsing/pickle_machine.py")
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": False,
    "wraparound": False,
    "embedsignature": False,
    "annotation_typing": False,  # types come from the .pxd alone; Python's `int` is not a C integer
}
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
    extension = Extension("scanners.parsing.pickle_machine", [str(MACHINE)], extra_compile_args=OPTIMISE)
    try:
        return list(cythonize([extension], build_dir="build/cython", compiler_directives=DIRECTIVES))
    except CompileError as error:
        print(f"modelsweep: Cython failed ({error}); the pickle machine stays pure Python", file=sys.stderr)
        return []


class BuildIfPossible(build_ext):
    """Goes on without an extension whose C compiler is missing or fails.

    setuptools' own `optional` lets the OSError of a missing compiler through, and then misses the file it would copy.
    """

    def build_extension(self, ext: Extension) -> None:
        """Compile `ext`, or say why not and forget it."""
        try:
            super().build_extension(ext)
        except (BaseError, CCompilerError, OSError) as error:
            print(f"modelsweep: compiling failed ({error}); the pickle machine stays pure Python", file=sys.stderr)
            self.extensions = [other for other in self.extensions if other is not ext]


setup(ext_modules=compiled_machine(), cmdclass={"build_ext": BuildIfPossible})
