"""What each kind of problem means, for people."""

from __future__ import annotations

from typing import NamedTuple

from modelsweep.core.finding import ProblemKind


class Meaning(NamedTuple):
    """`heading` stands over a list of such files; `sentence` explains it; `advice` says what to do."""

    heading: str
    sentence: str
    advice: str


MEANING = {
    ProblemKind.MALFORMED: Meaning(
        "damaged",
        "The bytes violate the format they claim: cut short, corrupted or forged.",
        "Download the file again.",
    ),
    ProblemKind.LIMIT: Meaning(
        "too large or too deep",
        "A limit on members, nesting, decompressed bytes or operations was reached; anything beyond was not examined.",
        "Raise the limit if you trust the source; real models rarely come near it.",
    ),
    ProblemKind.UNSUPPORTED: Meaning(
        "of unknown kind",
        "No scanner knows the format, or it is not a regular file.",
        "Check what the file is, and whether it belongs there.",
    ),
    ProblemKind.ENCRYPTED: Meaning(
        "encrypted", "The bytes are encrypted and cannot be examined.", "Scan the decrypted file."
    ),
    ProblemKind.SKIPPED: Meaning(
        "left out",
        "A size limit applied, or it is a link out of the tree, or only a pointer to a file elsewhere.",
        "Raise --max-file-size or --max-total-size, also name a link's target, or fetch what a pointer stands for.",
    ),
    ProblemKind.DESELECTED: Meaning(
        "left out by choice",
        "No scanner for the format was selected, or --include and --exclude leave it out.",
        "Select more if it should be examined.",
    ),
    ProblemKind.DEPENDENCY: Meaning(
        "missing a dependency",
        "An optional package that reads the format is not installed, or modelsweep has no reader for it.",
        "Install the package that the message names (`modelsweep doctor` says how), or unpack the file yourself.",
    ),
    ProblemKind.SOURCE: Meaning(
        "unreadable", "The source of the bytes failed or refused.", "Check the path, the permissions and the network."
    ),
    ProblemKind.CHANGED: Meaning(
        "changed during the scan", "The file was written while it was read.", "Scan it again when it no longer changes."
    ),
    ProblemKind.TIMEOUT: Meaning("timed out", "Examining the file took too long.", "Raise --timeout."),
    ProblemKind.CRASH: Meaning(
        "crashed a scanner",
        "A scanner failed: this is a bug in modelsweep.",
        "Please report it with the message shown.",
    ),
    ProblemKind.CANCELLED: Meaning("cancelled", "The job was cancelled before this file.", "Run it again."),
}
