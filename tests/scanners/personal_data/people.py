"""Made-up people: values with the right check digits, built at run time."""

from __future__ import annotations

import random
from collections.abc import Callable
from string import ascii_uppercase, digits

PEOPLE = 25


def card(chance: random.Random) -> str:
    """Return a card number with its check digit (ISO/IEC 7812)."""
    number = "4" + "".join(chance.choices(digits, k=14))
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(number))]
    return number + str(-sum(value // 10 + value % 10 for value in doubled) % 10)


def iban(chance: random.Random) -> str:
    """Return a German IBAN with its check digits (ISO 13616)."""
    account = "".join(chance.choices(digits, k=18))
    written = account + "".join(str(ascii_uppercase.index(letter) + 10) for letter in "DE") + "00"
    return f"DE{98 - int(written) % 97:02}{account}"


def dni(chance: random.Random) -> str:
    """Return a Spanish identity number with its check letter."""
    number = chance.randrange(10_000_000, 99_999_999)
    return f"{number}{'TRWAGMYFPDXBNJZSQVHLCKE'[number % 23]}"


def social_security(chance: random.Random) -> str:
    """Return a US social security number."""
    return f"{chance.randrange(101, 600)}-{chance.randrange(10, 99)}-{chance.randrange(1001, 9999)}"


def email(chance: random.Random) -> str:
    """Return an address that somebody could have."""
    return f"{chance.choice(('anna', 'li', 'omar', 'eve'))}.{chance.randrange(10_000)}@{'acme-people'}.org"


def phone(chance: random.Random) -> str:
    """Return a number of New York."""
    return f"212-{chance.randrange(556, 999)}-{chance.randrange(1000, 9999)}"


def abroad(chance: random.Random) -> str:
    """Return a number of London with that of its country."""
    return f"+44 20 7946 {chance.randrange(1000, 9999)}"


def address(chance: random.Random) -> str:
    """Return a public IP address."""
    return f"81.{chance.randrange(40, 200)}.{chance.randrange(1, 250)}.{chance.randrange(1, 250)}"


KINDS: dict[str, Callable[[random.Random], str]] = {
    "email": email,
    "phone": phone,
    "mobile_abroad": abroad,
    "card": card,
    "iban": iban,
    "ssn": social_security,
    "dni": dni,
}


def rows(*kinds: str, people: int = PEOPLE) -> list[list[str]]:
    """Return what people have of some kinds, row by row."""
    chance = random.Random(" ".join(kinds))
    return [[KINDS[kind](chance) for kind in kinds] for _ in range(people)]


def table(*kinds: str, people: int = PEOPLE, delimiter: str = ",") -> bytes:
    """Return a table of people, with the names of its columns."""
    lines = [list(kinds), *rows(*kinds, people=people)]
    return "".join(f"{number}{delimiter}{delimiter.join(line)}\n" for number, line in enumerate(lines)).encode()
