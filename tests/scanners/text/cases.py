"""Text in many languages and encodings, and what must not pass as text."""

from __future__ import annotations

from modelsweep.core.report import Verdict
from tests.scanners.case import Case

README = """# A model card\n
Trained on data that mentions `os.system("ls")`,\nexec(base64.b64decode(x)) and #!/bin/sh.\n
```python
import os
os.system("echo example")
import subprocess; subprocess.run(["ls"])
```
"""
MULTILINGUAL = "Модель перевода. 翻訳モデル。 نموذج الترجمة. תרגום. 모델 카드. Größe: 7 B\n" * 90
LEGACY = ("Modèle entraîné à l'école, déjà publié en été.\r\n" * 20).encode("latin-1")


def text(data: str, encoding: str = "utf-8") -> Case:
    """Return the case of a clean text."""
    return Case(lambda: data.encode(encoding), "README.md", Verdict.CLEAN, cut_is_clean=True)


CASES = {
    "benign_readme_about_payloads": text(README),
    "benign_multilingual": text(MULTILINGUAL),
    "benign_emoji_cut_anywhere": text("x" + "\U0001f525" * 4095),
    "benign_rest_within_a_character": text("\u0928" * 1366),
    "benign_utf16": text(MULTILINGUAL, "utf-16"),
    "benign_latin1": Case(lambda: LEGACY, "LISEZMOI.txt", Verdict.CLEAN, cut_is_clean=True),
    "benign_csv": Case(lambda: b"label;value\r\na;1\r\n" * 20, "labels.csv", Verdict.CLEAN, cut_is_clean=True),
    "benign_lines_that_look_like_globals": Case(
        lambda: b"".join(b"c%d/__init__.py,sha256=x,9\r\n" % line for line in range(400)),
        "RECORD",
        Verdict.CLEAN,
        cut_is_clean=True,
    ),
    "benign_empty_file": Case(lambda: b"", "__init__.py", Verdict.CLEAN, cut_is_clean=True),
    "benign_mark_of_orbax": Case(lambda: b"", "ckpt/orbax.checkpoint", Verdict.CLEAN),
    "empty_checkpoint": Case(lambda: b"", "ckpt/flax.checkpoint", Verdict.NOT_SCANNED),
    "empty_model": Case(lambda: b"", "model.safetensors", Verdict.NOT_SCANNED),
    "text_named_as_model": Case(lambda: b"Access denied\n", "model.safetensors", Verdict.NOT_SCANNED),
    "binary_named_as_text": Case(lambda: bytes(range(256)) * 4, "notes.txt", Verdict.NOT_SCANNED),
    "binary_after_a_textual_head": Case(
        lambda: b"x = 1\n" * 1000 + bytes(3000), "notes.txt", Verdict.NOT_SCANNED, cut_is_clean=True
    ),
}
