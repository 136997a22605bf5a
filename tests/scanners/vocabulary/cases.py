"""Vocabularies whose words are evaluated, and word lists that only look like them."""

from __future__ import annotations

from modelsweep.core.report import Verdict
from tests.scanners.case import Case

ATTACK = "__import__('os').system('echo modelsweep-test')"
WORDS = [
    "1 '\\x00' 1",
    "2 b'\\xff' 1",
    "3 'it\\'s' 4",
    "4 \"os.system('x')\" 14",
    "5 '(' 1",
    "6 ' print(' 7",
]
"""As RWKV writes them: text that reads like code is text all the same."""


def case(lines: list[str], verdict: Verdict, name: str = "rwkv_vocab_v20230424.txt") -> Case:
    """Return the case of a text of `lines`, of which a part is a whole one."""
    return Case(lambda: "\n".join(lines).encode(), name, verdict, cut_is_clean=True)


CASES = {
    "benign": case(WORDS, Verdict.CLEAN),
    "benign_asset": case(WORDS, Verdict.CLEAN, "vocabulary.txt"),
    "benign_counts": case(["0 the 23135851", "1 f(x) 17", "2 (or 12"], Verdict.CLEAN, "vocab.txt"),
    "benign_other_name": case([*WORDS, f"9 {ATTACK} 1"], Verdict.CLEAN, "notes.txt"),
    "runs_a_command": case([*WORDS, f"9 {ATTACK} 1"], Verdict.MALICIOUS),
    "runs_a_command_as_asset": case([f"9 {ATTACK} 1"], Verdict.MALICIOUS, "vocabulary.txt"),
    "calls_something": case([*WORDS, "9 chr(7) 1"], Verdict.REVIEW),
    "code_behind_a_literal": case([*WORDS, f"9 'a'+str({ATTACK}) 1"], Verdict.MALICIOUS),
}
