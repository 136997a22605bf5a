"""Llamafile: an executable with a zip behind it, in which the model stands."""

from __future__ import annotations

import io
import zipfile

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.gguf.cases import CASES as MODELS
from tests.scanners.native_code import elf
from tests.scanners.zip.cases import DATE


def llamafile(model: str) -> bytes:
    """Return an executable with one of the models of GGUF inside."""
    stream = io.BytesIO(elf())
    stream.seek(0, io.SEEK_END)
    with zipfile.ZipFile(stream, "a") as archive:
        for name, data in (("model.gguf", MODELS[model].build()), (".args", b"-m\nmodel.gguf\n")):
            archive.writestr(zipfile.ZipInfo(name, DATE), data)
    return stream.getvalue()


HOSTILE = next(name for name, case in sorted(MODELS.items()) if case.verdict is Verdict.MALICIOUS)
QUIET = next(name for name, case in sorted(MODELS.items()) if case.verdict is Verdict.CLEAN)

CASES = {
    # It is a program, and says so: somebody has to look at where it came from
    "executable": Case(lambda: llamafile(QUIET), "model.llamafile", Verdict.REVIEW),
    "template_inside": Case(lambda: llamafile(HOSTILE), "model.llamafile", Verdict.MALICIOUS),
}
