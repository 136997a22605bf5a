"""Personal data in text, much and little of it, and what only looks like it: examples, versions, chance, authors."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

from modelsweep.core.options import Options
from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.personal_data.people import address, card, email, iban, rows, table

ASKED = Options(scanners=("text", "zip", "personal-data"))
LARGE = 4_200_000
PRESIDIO = "presidio_analyzer"


def case(build: Callable[[], bytes], name: str, verdict: Verdict = Verdict.CLEAN) -> Case:
    """Return a case in which personal data is asked for."""
    return Case(build, name, verdict, ASKED, cut_is_clean=True, package=PRESIDIO)


def text(content: str, name: str, verdict: Verdict = Verdict.CLEAN) -> Case:
    """Return the case of a text."""
    return case(content.encode, name, verdict)


def lines(kind: Callable[[random.Random], str], count: int, form: str = "{}") -> bytes:
    """Return a line for each of some values."""
    chance = random.Random(form)
    return "".join(form.format(kind(chance)) + "\n" for _ in range(count)).encode()


def requests() -> bytes:
    """Return records as JSON, one in a line."""
    found = rows("email", "phone", "iban")
    return "".join(
        json.dumps({"email": mail, "phone": phone, "iban": iban}) + "\n" for mail, phone, iban in found
    ).encode()


def number(chance: random.Random) -> str:
    """Return a number as long as that of a card, without a check digit."""
    return str(chance.randrange(4 * 10**15, 5 * 10**15))


def sine(chance: random.Random) -> str:
    """Return a number with as many decimal places as an insurance number has digits."""
    return f"{chance.random():.9f}"


def grouped(chance: random.Random) -> str:
    """Return a card number as it is printed."""
    digits = card(chance)
    return " ".join(digits[at : at + 4] for at in range(0, 16, 4))


AUTHORS = """# Model
Copyright (c) 2024 Anna <anna@acme-people.org>, Li <li@acme-people.org>
Contact: omar@acme-people.org or support@acme-people.org. Weights at git@acme-people.org:models/net.git
Clone https://user:pass@acme-people.org/net, needs torch==2.0.1.1 and sections 3.1.4.1, 3.1.4.2, 3.1.4.3, 3.1.4.4
"""
EXAMPLES = """email,phone,mobile,ip,card,ssn_note
a@example.com,212-555-0123,+1 212 555 0199,192.0.2.1,4242 4242 4242 4242,none
b@example.org,212-555-0124,+1 212 555 0198,198.51.100.7,4111111111111111,none
c@mail.test,(212) 555-0125,+1 212 555 0197,203.0.113.9,5555 5555 5555 4444,none
12345+d@users.noreply.github.com,212-555-0126,,10.0.0.1,,none
noreply@acme-people.org,,,127.0.0.1,,none
info@acme-people.org,,,224.0.0.1,,none
"""
NUMBERS = """step,time,loss,created_at,sha
1,12:34:56,0.4111111111111111,1700000000000,6f1ed002ab5595859014ebf0951522d9
2,12:34:57,4111.5678901234,1700000000001,4012888888881881aa
3,2024-01-02 03:04:05,-4.012888888881881,20240102030405,4012-8888-8888-1881-9
"""
VOCABULARY = json.dumps(
    {token: place for place, token in enumerate(("the", "@", "gmail", ".com", "ing", "1990", "212"))}
)

CASES = {
    "customers": case(lambda: table("email", "phone", "card"), "customers.csv", Verdict.REVIEW),
    "customers_by_tab": case(
        lambda: table("mobile_abroad", "ssn", "email", delimiter="\t"), "people.tsv", Verdict.REVIEW
    ),
    "requests": case(requests, "requests.jsonl", Verdict.REVIEW),
    "identities": case(lambda: table("dni"), "train.csv", Verdict.REVIEW),
    "accounts": case(lambda: lines(iban, 25, "paid from {}"), "notes.txt", Verdict.REVIEW),
    "printed_cards": case(lambda: lines(grouped, 25), "cards.txt", Verdict.REVIEW),
    "utf_16": case(lambda: table("email", "iban").decode().encode("utf-16"), "people.csv", Verdict.REVIEW),
    "some": case(lambda: table("email", "phone", "card", "iban", "ssn", people=3), "sample.csv"),
    "for_tests": case(lambda: table("email", "card"), "repository/tests/data/people.csv"),
    "one_object": case(
        lambda: json.dumps({"author": {"mail": email(random.Random(1)), "telephone": "+44 20 7946 4321"}}).encode(),
        "config.json",
    ),
    "visitors": case(lambda: lines(address, 9, "{} GET /predict 200"), "access.log"),
    "large": case(lambda: b"a" * (LARGE - 1) + b"\n", "corpus.txt"),
    "benign_authors": text(AUTHORS, "README.md"),
    "benign_examples": text(EXAMPLES, "examples.csv"),
    "benign_numbers": text(NUMBERS, "log.csv"),
    "benign_vocabulary": text(VOCABULARY, "vocab.json"),
    "benign_identifiers": case(lambda: lines(number, 300, "{}"), "ids.csv"),
    "benign_visa_column": case(lambda: b"visa\n" + lines(number, 300, "{}"), "ids.csv"),
    "benign_sines": case(lambda: b"angle,sin\n" + lines(sine, 2_000, "1,{}"), "angles.csv"),
    "benign_no_people": text("name,weight\nlayer.0,0.5\n", "layers.csv"),
    "hostile_one_line": case(lambda: b"a.@" * 100_000, "line.txt"),
    "hostile_depth": case(lambda: b"[" * 100_000 + b"1" + b"]" * 100_000, "deep.json"),
    "hostile_bytes": case(lambda: b"phone \xff\xfe\xc0 +44 20 7946 4321 \xed\xa0\x80\n" * 3, "bytes.txt"),
    "hostile_quotes": case(lambda: b'phone,"' * 20_000 + b"2125559876", "quotes.csv"),
    "hostile_phones": case(lambda: b"tel (1)-1/1 " * 3_000, "phones.txt"),
}
