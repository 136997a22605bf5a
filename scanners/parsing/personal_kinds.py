"""Personal data in text, as opposed to what only looks like it: examples, versions, addresses of offices.

This module nominates places, Presidio (`scanners.parsing.presidio`) confirms their form and check digits, and the
context decides whether they are personal: a number is that of a phone or a passport if its column or key says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_interface
from typing import NamedTuple

from modelsweep.core import patterns as re
from scanners.parsing.presidio import Presidio

EMAIL, PHONE, CARD, IBAN, ADDRESS = "e-mail addresses", "phone numbers", "card numbers", "IBANs", "IP addresses"
MAX_LINE = 1_000
"""Maximum characters of a line that are matched at once, since some patterns take quadratic time."""
_SEPARATORS = (" ", ",", ";", "\t", '"')
_CONTEXT = 60
"""Characters before a value that are searched for its meaning."""


class Found(NamedTuple):
    """A value of one kind that begins at `start`; `sure` tells whether the context confirms what it is."""

    kind: str
    start: int
    value: str
    sure: bool = True


class Header(NamedTuple):
    """Names of the columns of a table, in lower case."""

    delimiter: str = ""
    names: tuple[str, ...] = ()

    def name(self, line: str) -> str:
        """Return the name of the column that follows `line`, the beginning of a row."""
        if not self.names:
            return ""
        outside = _QUOTED.sub("", line).partition('"')[0]
        column = outside.count(self.delimiter)
        return self.names[column] if column < len(self.names) else ""


_QUOTED = re.compile(r'"[^"]*"')
_DELIMITERS = (",", ";", "\t", "|")
_BREAKS = re.compile(r"[,;|\t{]")


def header_of(line: str) -> Header:
    """Return the columns named in the first line of a table."""
    delimiter = max(_DELIMITERS, key=line.count)
    names = tuple(name.strip(' "\r\n\ufeff').lower() for name in line.split(delimiter))
    return Header(delimiter, names)


class _Words(NamedTuple):
    """Words that tell what a number is: a pattern, and lower-case parts of the words, which are searched first."""

    pattern: re.Pattern[str]
    stems: tuple[str, ...]

    def within(self, text: str) -> bool:
        """Return whether a text contains one of the words."""
        return bool(self.pattern.search(text))


def _words(words: str, stems: str) -> _Words:
    """Return words that match alone, or in a name like `customer_ssn` or `ssn1`."""
    pattern = rf"(?i)(?<![^\W\d_])(?:{words})(?:[ _-]?(?:no|nr|num|number|id|code))?(?![^\W\d_])"
    return _Words(re.compile(pattern), tuple(stems.split()))


class _Identity(NamedTuple):
    """A number that a state or an insurance assigns to a person: the class in Presidio, its kind, words for it."""

    recogniser: str
    kind: str
    words: _Words


_IDENTITIES = (
    _Identity("UsSsnRecognizer", "US social security numbers", _words(r"ssns?|social[ _-]?security", "ssn social")),
    _Identity("UsItinRecognizer", "US taxpayer numbers", _words(r"itin", "itin")),
    _Identity("UsMbiRecognizer", "US Medicare numbers", _words(r"mbi|medicare", "mbi medicare")),
    _Identity("CaSinRecognizer", "Canadian insurance numbers", _words(r"sin|social[ _-]?insurance", "sin social")),
    _Identity("UkNinoRecognizer", "UK insurance numbers", _words(r"nino|national[ _-]?insurance", "nino insurance")),
    _Identity("NhsRecognizer", "UK health numbers", _words(r"nhs", "nhs")),
    _Identity("AuTfnRecognizer", "Australian tax numbers", _words(r"tfn|tax[ _-]?file", "tfn file")),
    _Identity("AuMedicareRecognizer", "Australian Medicare numbers", _words(r"medicare", "medicare")),
    _Identity("DeTaxIdRecognizer", "German tax numbers", _words(r"steuer[ _-]?id\w*", "steuer")),
    _Identity(
        "DeSocialSecurityRecognizer",
        "German insurance numbers",
        _words(r"\w*versicherungs?nummer|svnr|rvnr", "versicherung svnr rvnr"),
    ),
    _Identity("DeIdCardRecognizer", "German identity cards", _words(r"(?:personal)?ausweis(?:nummer|nr)?", "ausweis")),
    _Identity(
        "ItFiscalCodeRecognizer",
        "Italian fiscal codes",
        _words(r"codice[ _-]?fiscale|fiscal[ _-]?code", "fiscal"),
    ),
    _Identity("EsNifRecognizer", "Spanish identity numbers", _words(r"nif|dni", "nif dni")),
    _Identity("EsNieRecognizer", "Spanish foreigners' numbers", _words(r"nie", "nie")),
    _Identity("PlPeselRecognizer", "Polish PESEL numbers", _words(r"pesel", "pesel")),
    _Identity(
        "FiPersonalIdentityCodeRecognizer", "Finnish identity codes", _words(r"hetu|henkil\u00f6tunnus", "hetu tunnus")
    ),
    _Identity("SePersonnummerRecognizer", "Swedish identity numbers", _words(r"personnummer", "personnummer")),
    _Identity(
        "TrNationalIdRecognizer", "Turkish identity numbers", _words(r"tckn|tc[ _-]?kimlik(?:[ _-]?no)?", "tckn kimlik")
    ),
    _Identity("InAadhaarRecognizer", "Indian Aadhaar numbers", _words(r"aadhaar|aadhar", "aadha")),
    _Identity("SgFinRecognizer", "Singaporean identity numbers", _words(r"nric|fin", "nric fin")),
    _Identity(
        "KrRrnRecognizer",
        "Korean resident numbers",
        _words(r"rrn|\uc8fc\ubbfc\ub4f1\ub85d\ubc88\ud638", "rrn \uc8fc\ubbfc"),
    ),
    _Identity("ThTninRecognizer", "Thai identity numbers", _words(r"tnin", "tnin")),
    _Identity("NgNinRecognizer", "Nigerian identity numbers", _words(r"nin", "nin")),
    _Identity(
        "ZaIdNumberRecognizer",
        "South African identity numbers",
        _words(r"(?:rsa|sa|south african)[ _-]?id", "sa rsa african"),
    ),
)
IDENTITIES = frozenset(identity.kind for identity in _IDENTITIES)
_PHONES = _words(
    r"(?:tele|cell|mobile|work|home)?phones?|tel|cell|mobiles?|fax|whatsapp|msisdn|sms|handy(?:nummer)?|mobilfunk"
    r"|rufnummer|telefon\w*|tel[e\u00e9]fonos?|t[e\u00e9]l[e\u00e9]phones?|portable|m[o\u00f3]vil|celular|cellulare"
    r"|\u7535\u8bdd|\u624b\u673a|\u96fb\u8a71|\u643a\u5e2f",
    "phone tel cell mobil fax whatsapp msisdn sms handy rufnummer t\u00e9l portable m\u00f3vil "
    "\u7535\u8bdd \u624b\u673a \u96fb\u8a71 \u643a\u5e2f",
)
_CARDS = _words(r"cards?|credit|debit|visa|master[ _-]?card|amex|kreditkarte|ccn|cc", "")

_INTERNATIONAL = re.compile(r"(?<![\w.+])\+[1-9][\d ().\-/]{6,22}\d(?![\w.])")
_NATIONAL = re.compile(r"(?<![\w.+\-/])\(?\d{1,13}\)?(?:[ .\-/]{1,2}\d{2,8}){0,5}(?![\w\-/]|\.\d)")
_CARD = re.compile(
    r"(?<![\w.+\-])(?:\d{13,19}|\d{4}([ -])\d{4}\1\d{4}\1\d{1,7}|3\d{3}[ -]\d{6}[ -]\d{5})(?![\w\-]|\.\d)"
)
_PHONE_DIGITS = range(7, 14)
"""Valid numbers of digits of a phone number without the country code."""
_FRACTION = re.compile(r"\.\d")
_ADDRESS = re.compile(r"\d\.\d{1,3}\.\d{1,3}\.\d|(?i:[\da-f]{0,4}:[\da-f]{0,4}:[\da-f:.])")
_ISSUED = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|3[47]\d{13}|3[068]\d{12}|35\d{14}|6(?:011|5\d\d|4[4-9]\d)\d{12}"
)
"""Card numbers whose length fits their issuer's prefix (ISO/IEC 7812)."""
_MAX_TEST_DIGITS = 4
"""Maximum number of different digits in test card numbers: 4111 1111 1111 1111, 5555 5555 5555 4444."""
_NAME_AT_DOMAIN = re.compile(r"[\w.+%-]+@\S+$")
_RESERVED = re.compile(
    r"(?:(?:^|\.)(?:example\.(?:com|net|org|edu)|example|test|invalid|localhost|local|internal)|noreply\.\S+)$"
)
"""Reserved domains (RFC 2606, RFC 6762), and domains of addresses that hide the real one."""
_IMPERSONAL_MAILBOXES = frozenset(
    "info marketing sales support abuse noc security postmaster hostmaster usenet news webmaster www uucp ftp "
    "contact admin help hello feedback git noreply no-reply donotreply do-not-reply mailer-daemon root".split()
)
"""Names of mailboxes that are no person's (RFC 2142), and placeholders."""
_MIN_ADDRESS_NUMBER = 32
"""Four numbers below this are a version or a section rather than an address."""


def broken(text: str) -> str:
    """Return a text of the same length without lines longer than MAX_LINE."""
    pieces = []
    for line in text.splitlines(keepends=True):
        rest = line
        while len(rest) > MAX_LINE:
            cut = max(rest.rfind(separator, MAX_LINE // 2, MAX_LINE) for separator in _SEPARATORS)
            cut = MAX_LINE - 1 if cut < 0 else cut
            pieces.append(rest[:cut] + "\n")
            rest = rest[cut + 1 :]
        pieces.append(rest)
    return "".join(pieces)


class Reading:
    """A piece of text and what is found in it; `candidates` counts possible card numbers.

    `tried` counts possible phone numbers of one of several countries, each of which takes 0.3 ms.
    """

    def __init__(self, known: Presidio, text: str, header: Header) -> None:
        self._known, self._text, self._header = known, text, header
        self._lines = broken(text)
        self._small = "\n".join((text.lower(), *header.names))
        self.candidates: set[str] = set()
        self.tried = 0

    def found(self) -> Iterator[Found]:
        """Yield everything that is personal data, or could be if there is more of it."""
        text = self._lines
        if "@" in text:
            yield from self._emails()
        yield from self._cards()
        for start, stop in self._known.matches("IbanRecognizer", text):
            yield Found(IBAN, start, text[start:stop])
        if _ADDRESS.search(text):
            yield from self._addresses()
        yield from self._phones()
        for identity in _IDENTITIES:
            if self._names(identity.words):
                for start, stop in self._known.matches(identity.recogniser, text):
                    if self._named(identity.words, start) and not _in_number(text, start, stop):
                        yield Found(identity.kind, start, text[start:stop])

    def _names(self, words: _Words) -> bool:
        return any(stem in self._small for stem in words.stems)

    def _named(self, words: _Words, start: int) -> bool:
        """Return whether the column of a value, or the words right before it, match `words`."""
        line = self._text[self._text.rfind("\n", 0, start) + 1 : start]
        beside = _BREAKS.split(line[-_CONTEXT:])[-1]
        return words.within(beside) or words.within(self._header.name(line))

    def _emails(self) -> Iterator[Found]:
        text = self._lines
        for start, stop in self._known.matches("EmailRecognizer", text):
            address = _NAME_AT_DOMAIN.search(text[start:stop])
            if address is None or text[start - 1 : start] in ("/", ":", "@") or _continues(text, stop):
                continue  # the user of an address: https://user@host/
            name, _, domain = address[0].lower().rpartition("@")
            if name not in _IMPERSONAL_MAILBOXES and not _RESERVED.search(domain):
                yield Found(EMAIL, start + address.start(), address[0])

    def _cards(self) -> Iterator[Found]:
        nominated = {}
        for match in _CARD.finditer(self._lines):
            digits = re.sub(r"\D", "", match[0])
            if _ISSUED.fullmatch(digits) and len(set(digits)) > _MAX_TEST_DIGITS:
                self.candidates.add(digits)
                nominated[match.span()] = match[0]
        if nominated:
            for place in self._known.matches("CreditCardRecognizer", self._lines):
                if number := nominated.get((place.start, place.stop)):
                    sure = not number.isdigit() or self._named(_CARDS, place.start)
                    yield Found(CARD, place.start, number, sure)

    def _addresses(self) -> Iterator[Found]:
        text = self._lines
        for start, stop in self._known.matches("IpRecognizer", text):
            if is_address(text[start:stop]) and text[stop : stop + 1] not in (".", "-"):
                yield Found(ADDRESS, start, text[start:stop])

    def _phones(self) -> Iterator[Found]:
        text = self._lines
        abroad = [(match.start(), match[0]) for match in _INTERNATIONAL.finditer(text)]
        yield from self._numbers(abroad, international=True)
        if self._names(_PHONES):
            rest = _INTERNATIONAL.sub(lambda match: "+" * len(match[0]), text)
            numbers = ((match.start(), match[0]) for match in _NATIONAL.finditer(rest))
            home = [number for number in numbers if _is_dialled(number[1]) and self._named(_PHONES, number[0])]
            self.tried += len(home)
            yield from self._numbers(home, international=False)

    def _numbers(self, nominated: list[tuple[int, str]], *, international: bool) -> Iterator[Found]:
        texts = [number for _, number in nominated]
        for index, number in self._known.phones(texts, international=international):
            if not is_fictitious(number):
                yield Found(PHONE, nominated[index][0], number)


def _is_dialled(number: str) -> bool:
    return sum(map(str.isdigit, number)) in _PHONE_DIGITS


def _in_number(text: str, start: int, stop: int) -> bool:
    """Return whether digits are part of a decimal number, before or after its point."""
    return text[start - 1 : start] == "." or bool(_FRACTION.match(text, stop))


def _continues(text: str, stop: int) -> bool:
    return text[stop : stop + 1] in (":", "/") and not text[stop + 1 : stop + 2].isspace()


def is_address(text: str) -> bool:
    """Return whether an IP address can be personal: that of a single public host, and not a version number."""
    if "/" in text:
        return False
    try:
        address = ip_interface(text).ip
    except ValueError:
        return False
    small = address.version == 4 and all(part < _MIN_ADDRESS_NUMBER for part in address.packed)
    return address.is_global and not address.is_multicast and not small


def is_fictitious(number: str) -> bool:
    """Return whether a phone number is one of those reserved for fiction in North America: 555-0100 to 555-0199."""
    digits = re.sub(r"\D", "", number)
    return digits[-7:-2] == "55501" and len(digits) in (10, 11)


def normal(kind: str, value: str) -> str:
    """Return the normal form of a value, for comparison with differently written ones."""
    return re.sub(r"[\s().\-/]", "", value) if kind not in (EMAIL, ADDRESS) else value.lower()
