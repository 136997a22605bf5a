"""What personal data looks like in text, and what only looks like it: examples, versions, addresses of offices.

Places are nominated here, Presidio (`scanners.parsing.presidio`) confirms their form and check digits, and what stands
beside them decides whether they are somebody's: a number is one of a phone or a passport where its column or key says
so.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_interface
from typing import NamedTuple

from modelsweep.core import patterns as re
from scanners.parsing.presidio import Presidio

EMAIL, PHONE, CARD, IBAN, ADDRESS = "e-mail addresses", "phone numbers", "card numbers", "IBANs", "IP addresses"
LINE = 1_000
"""Characters of a line that are looked at together: some patterns take time by the square of them."""
_SEPARATORS = (" ", ",", ";", "\t", '"')
_BESIDE = 60
"""Characters before a value that may say what it is."""


class Found(NamedTuple):
    """Something of a kind, from `start` of a text on; `sure` where what stands beside it says what it is."""

    kind: str
    start: int
    value: str
    sure: bool = True


class Header(NamedTuple):
    """Names of the columns of a table, in small letters."""

    delimiter: str = ""
    names: tuple[str, ...] = ()

    def name(self, line: str) -> str:
        """Return the name of the column in which something stands, before which a line holds `line`."""
        if not self.names:
            return ""
        outside = _QUOTED.sub("", line).partition('"')[0]
        column = outside.count(self.delimiter)
        return self.names[column] if column < len(self.names) else ""


_QUOTED = re.compile(r'"[^"]*"')
_DELIMITERS = (",", ";", "\t", "|")
_BREAKS = re.compile(r"[,;|\t{]")


def header_of(line: str) -> Header:
    """Return the columns that the first line of a table names."""
    delimiter = max(_DELIMITERS, key=line.count)
    names = tuple(name.strip(' "\r\n\ufeff').lower() for name in line.split(delimiter))
    return Header(delimiter, names)


class _Words(NamedTuple):
    """Words that say what a number is: a pattern, and parts of them in small letters, which are looked for first."""

    pattern: re.Pattern[str]
    stems: tuple[str, ...]

    def within(self, text: str) -> bool:
        """Return whether one of the words stands in a text."""
        return bool(self.pattern.search(text))


def _words(words: str, stems: str) -> _Words:
    """Return words that stand alone, or in a name like `customer_ssn` or `ssn1`."""
    pattern = rf"(?i)(?<![^\W\d_])(?:{words})(?:[ _-]?(?:no|nr|num|number|id|code))?(?![^\W\d_])"
    return _Words(re.compile(pattern), tuple(stems.split()))


class _Identity(NamedTuple):
    """A number that a state or an insurance gives a person: the class of Presidio, what it is, words for it."""

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
_DIALLED = range(7, 14)
"""Digits of a phone number without that of its country."""
_FRACTION = re.compile(r"\.\d")
_ADDRESS = re.compile(r"\d\.\d{1,3}\.\d{1,3}\.\d|(?i:[\da-f]{0,4}:[\da-f]{0,4}:[\da-f:.])")
_ISSUED = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|3[47]\d{13}|3[068]\d{12}|35\d{14}|6(?:011|5\d\d|4[4-9]\d)\d{12}"
)
"""Numbers as long as those that begin like them are (ISO/IEC 7812)."""
_FIGURES_OF_EXAMPLES = 4
"""Different digits of card numbers for tests: 4111 1111 1111 1111, 5555 5555 5555 4444."""
_NAME_AT_DOMAIN = re.compile(r"[\w.+%-]+@\S+$")
_RESERVED = re.compile(
    r"(?:(?:^|\.)(?:example\.(?:com|net|org|edu)|example|test|invalid|localhost|local|internal)|noreply\.\S+)$"
)
"""Domains that are nobody's (RFC 2606, RFC 6762), and of addresses that hide the real one."""
_OFFICES = frozenset(
    "info marketing sales support abuse noc security postmaster hostmaster usenet news webmaster www uucp ftp "
    "contact admin help hello feedback git noreply no-reply donotreply do-not-reply mailer-daemon root".split()
)
"""Names of mailboxes that are no person's (RFC 2142), and what else stands for one."""
_SMALL = 32
"""Numbers below this, four of them, are a version or a section rather than an address."""


def broken(text: str) -> str:
    """Return a text of the same length with no line longer than LINE."""
    pieces = []
    for line in text.splitlines(keepends=True):
        rest = line
        while len(rest) > LINE:
            cut = max(rest.rfind(separator, LINE // 2, LINE) for separator in _SEPARATORS)
            cut = LINE - 1 if cut < 0 else cut
            pieces.append(rest[:cut] + "\n")
            rest = rest[cut + 1 :]
        pieces.append(rest)
    return "".join(pieces)


class Reading:
    """A piece of text, and all that is found in it; `candidates` are numbers that could be those of cards.

    `tried` counts numbers that could be those of phones in one of several countries, each of which takes 0.3 ms.
    """

    def __init__(self, known: Presidio, text: str, header: Header) -> None:
        self._known, self._text, self._header = known, text, header
        self._lines = broken(text)
        self._small = "\n".join((text.lower(), *header.names))
        self.candidates: set[str] = set()
        self.tried = 0

    def found(self) -> Iterator[Found]:
        """Yield all that is personal data, or could be if there is more of it."""
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
        """Return whether the column of a place, or the words right before it, are of a kind."""
        line = self._text[self._text.rfind("\n", 0, start) + 1 : start]
        beside = _BREAKS.split(line[-_BESIDE:])[-1]
        return words.within(beside) or words.within(self._header.name(line))

    def _emails(self) -> Iterator[Found]:
        text = self._lines
        for start, stop in self._known.matches("EmailRecognizer", text):
            address = _NAME_AT_DOMAIN.search(text[start:stop])
            if address is None or text[start - 1 : start] in ("/", ":", "@") or _goes_on(text, stop):
                continue  # the user of an address: https://user@host/
            name, _, domain = address[0].lower().rpartition("@")
            if name not in _OFFICES and not _RESERVED.search(domain):
                yield Found(EMAIL, start + address.start(), address[0])

    def _cards(self) -> Iterator[Found]:
        nominated = {}
        for match in _CARD.finditer(self._lines):
            digits = re.sub(r"\D", "", match[0])
            if _ISSUED.fullmatch(digits) and len(set(digits)) > _FIGURES_OF_EXAMPLES:
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
    return sum(map(str.isdigit, number)) in _DIALLED


def _in_number(text: str, start: int, stop: int) -> bool:
    """Return whether digits are those before or behind the point of a larger number: sines, say, and no insurance."""
    return text[start - 1 : start] == "." or bool(_FRACTION.match(text, stop))


def _goes_on(text: str, stop: int) -> bool:
    return text[stop : stop + 1] in (":", "/") and not text[stop + 1 : stop + 2].isspace()


def is_address(text: str) -> bool:
    """Return whether an IP address can be somebody's: a public one of a single host, and no version."""
    if "/" in text:
        return False
    try:
        address = ip_interface(text).ip
    except ValueError:
        return False
    small = address.version == 4 and all(part < _SMALL for part in address.packed)
    return address.is_global and not address.is_multicast and not small


def is_fictitious(number: str) -> bool:
    """Return whether a phone number is one of those that films use in North America: 555-0100 to 555-0199."""
    digits = re.sub(r"\D", "", number)
    return digits[-7:-2] == "55501" and len(digits) in (10, 11)


def normal(kind: str, value: str) -> str:
    """Return a value as it is told from others: however it is written."""
    return re.sub(r"[\s().\-/]", "", value) if kind not in (EMAIL, ADDRESS) else value.lower()
