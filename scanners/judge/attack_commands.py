"""Shell commands of attacks: they fetch and run, open a shell to another machine, send secrets away, or destroy."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from modelsweep.core import patterns as re
from scanners.judge.windows_commands import FORMS as WINDOWS
from scanners.judge.windows_commands import WORDS

_SHELLS = r"(?:(?:ba|z|da|k)?sh|python[\d.]*(?!\s+-[mc]\b)|perl|node|php|ruby)\b"
_SHELL = rf"(?:sudo\s+)?(?:[^\s|]*/)?{_SHELLS}"
"""A shell after a pipe; its path contains no other pipe, since a row of them would be matched again from each."""
_READS = rf"(?:\b(?:eval|source)\s|(?:sudo\s+)?(?:(?<!\S)\S*/)?{_SHELLS})"
"""What runs text passed to it, in this shell or another; a path is matched from its beginning only."""
_FETCH = r"\b(?:curl|wget)\b"
_FETCH_WINDOWS = r"(?:DownloadString|DownloadFile|\b(?:iwr|irm|invoke-webrequest|invoke-restmethod)\b)"
_RUN = r"(?:;|&&)\s*chmod\s+(?:\+x|0?7\d\d|[ua]\+x)[^\n]*(?:;|&&)\s*(?:nohup\s+)?[./~$]"
_SECRETS = (
    r"(?:/etc/(?:passwd|shadow)\b|(?:~|\$HOME|/root|/home/\w+)/\.(?:ssh|aws|kube|netrc|gnupg|docker|git-credentials)\b"
    r"|\bid_(?:rsa|ed25519)\b|@(?:\./)?\.env\b)"
)
_ROOTS = r"(?:/(?:etc|usr|var|home|root|bin|lib|boot)?/?\*?|~/?\*?|\$HOME/?\*?|[cC]:\\?/?\*?)"
_PLAIN = r"(?:http://(?!localhost|127\.)|https?://\d{1,3}(?:\.\d{1,3}){3}\b|(?<=\s)\d{1,3}(?:\.\d{1,3}){3}[:/])"
"""An address without encryption or without a name, so that anybody in between may replace the content."""
_FOREIGN = r"https?://(?!127\.|0\.|10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.)\d{1,3}(?:\.\d{1,3}){3}\b"
"""A numeric address outside of private networks."""
_DECODES = r"(?:base64\s+(?:-\w*[dD]\b|--decode)|xxd\s+(?:-\w{1,9}\s+){0,9}-r\b)"
_OPENSSL = r"openssl\s+(?:enc|base64|[\w-]{2,20})\s[^\n|]*-d\b"
"""Decoding with OpenSSL."""
_NEVER_HONEST = (
    r"(?:>&|&>)\s*/dev/(?:tcp|udp)/",
    r"\bsh\s+(?:-i\s+)?<&\s*\d+\s*\d?>&\s*\d+",
    r"\bsh -i\b",
    r"\b(?:nc|ncat|netcat)\b[^\n|]*\s-[a-z]*[ec]\s+\S*sh\b",
    r"\bmkfifo\b[^\n]*\|\s*(?:nc|ncat|netcat|openssl\s+s_client|telnet)\b",
    r"\bmkfifo\b[^\n]*\b(?:nc|ncat|netcat|openssl\s+s_client|telnet)\b[^\n]*\|\s*(?:ba|z|da|k)?sh\b",
    r"\bsocat\b[^\n]*\bexec:",
    r"\b(?:perl|ruby|php|lua)\b\s+-\w*\s?[^\n]*(?:fsockopen|\bSocket\b|TCPSocket)[^\n]*\b(?:exec|popen|sh|system)\b",
    r"powershell[^\n]*\s-e(?:nc|ncodedcommand)?\s",
    r"certutil[^\n]*-urlcache",
    r"bitsadmin[^\n]*/transfer",
    r"\bregsvr32\b[^\n]*/i:https?:",
    r"\brundll32(?:\.exe)?\s+javascript:",
    r"\bwmic\b[^\n]*/format:\s*[\"']?https?:",
    r"\breg(?:\.exe)?\s+add\s[^\n]*\\CurrentVersion\\Run",
    rf"\b{_DECODES}[^\n]*\|\s*{_SHELL}",
    rf"\b{_OPENSSL}[^\n]*\|\s*{_SHELL}",
    rf"(?:\b(?:eval|source)\s|\b(?:ba|z|da|k)?sh\s+-c\s)[^\n]*(?:\$\(|`|<\()[^\n]*\b{_DECODES}",
    rf"(?:\b(?:eval|source)\s|\b(?:ba|z|da|k)?sh\s+-c\s)[^\n]*(?:\$\(|`|<\()[^\n]*\b{_OPENSSL}",
    r"\b(?:ssh-(?:rsa|ed25519|dss)|ecdsa-sha2-\S{5,20})\s+AAAA[^\n]*>>?\s*[^\s>]*authorized_keys",
    r"\b(?:system|exec|shell_exec|passthru|popen|eval|assert)\s*\(\s*\$_(?:GET|POST|REQUEST|COOKIE)\b",
    r"getRuntime\(\)\.exec\(\s*request\b",
    r">\s*/etc/ld\.so\.preload",
    rf"\bpip3?\s+install\b[^\n]*\s(?:-i|--(?:extra-)?index-url)[=\s]\s{{0,9}}{_FOREIGN}",
    r"\bpip3?\s+install\b[^\n]*\shttp://\S{1,300}\.(?:tar\.gz|zip|whl)\b",
    rf"{_FETCH}[^\n]*\s(?:-d|--data\S*|-F|-T|--upload-file|--form|--(?:post|body)-(?:file|data))[=\s][^\n]*{_SECRETS}",
    rf"{_SECRETS}[^\n]*\|\s*(?:curl|wget|nc|ncat)\b",
    rf"{_SECRETS}[^\n]*\|\s*base64[^\n|]*\|\s*(?:curl|wget|nc|ncat)\b",
    r"\b(?:env|printenv)\s*\|\s*(?:curl|nc|ncat)\b",
    rf"{_FETCH}[^\n]*\s(?:-d|--data\S*|-F|--form|--post-data|--body-data)[=\s][^\n]*(?:\$\(|`)\s*(?:env|printenv)\s*(?:\)|`|\||;)",
    r"\b(?:env|printenv)\s*\|\s*base64[^\n|]*\|\s*(?:curl|nc|ncat)\b",
    r"toJSON\(\s*secrets\s*\)[^\n]*\|\s*(?:base64|curl|wget|nc)\b",
    r"\bsecrets\.\w+[^\n]*\|\s*base64[^\n]*\|\s*base64\b",
    rf"{_FETCH}[^\n]*{_PLAIN}[^\n]*\bsecrets\.\w",
    rf"{_FETCH}[^\n]*\bsecrets\.\w[^\n]*{_PLAIN}",
    rf"{_FETCH}[^\n]*toJSON\(\s*secrets\s*\)",
    r"\bsecrets\.\w+[^\n]*\|\s*(?:curl|wget|nc|ncat)\b",
    r"\bsecrets\.\w+[^\n]*\|\s*base64[^\n|]*\|\s*(?:curl|wget|nc|ncat)\b",
    r"\b(?:xmrig|minerd|cpuminer|nbminer|ethminer)\b",
    r"stratum\+(?:tcp|ssl)://",
    r"\b(?:cp|install)\s+\S*/(?:ba|z|da|k)?sh\s+[^\n]*\bchmod\s+(?:[ug]*\+s|[2467]7\d\d)\b",
    r"\beval\s*\(\s*(?:(?:window\.)?atob|Buffer\.from)\s*\(",
    r"new\s+ActiveXObject\([^\n]{0,80}WScript\.Shell[^\n]{0,80}\.(?:Run|Exec)\b",
    r"(?:\bfetch|sendBeacon|\.open|\.src\s*=)[^\n]{0,200}\bdocument\.cookie",
    r"\bdd\s+if=\S+\s+of=/dev/(?:sd|nvme|hd|vd)",
    r":\(\)\s*\{\s*:\|:&\s*\}\s*;\s*:",
)


_FETCHED = (
    rf"{_FETCH}[^\n]*(?:\||;|&&)\s*{_SHELL}",
    rf"{_READS}[^\n]*(?:\$\(|`|<\()\s*(?:curl|wget)\b",
    rf"{_FETCH}[^\n]*{_RUN}",
    rf"\b(?:iex|invoke-expression)\b[^\n]*{_FETCH_WINDOWS}",
    rf"{_FETCH_WINDOWS}[^\n]*\|\s*(?:iex|invoke-expression)\b",
    rf"\[scriptblock\]::Create\([^\n]*{_FETCH_WINDOWS}",
    r"\bmsiexec(?:\.exe)?\b[^\n]*\s/(?:i|package)\s*[\"']?https?:",
)


_GAP = re.compile(r"(\[\^\\n[|;&]*\](?:\*|\{0,\d+\}))")
_MAX_PART = 400
"""Maximum characters of one part of a command."""


class Found(NamedTuple):
    """The position of a command in a text."""

    start: int
    end: int


class _Gap(NamedTuple):
    """What may lie between two parts: anything up to a match of `ends`, or a limited number of characters."""

    ends: re.Pattern[str]
    most: int | None

    @classmethod
    def of(cls, written: str) -> _Gap:
        """Return the gap of a regular expression such as `[^\\n|]*`."""
        characters, _, most = written.partition("]")
        return cls(re.compile(f"[{characters.removeprefix('[^')}]"), None if most == "*" else int(most[3:-1]))

    @property
    def is_line(self) -> bool:
        """Whether it is the rest of the line, so that what follows an earlier position also follows all later ones."""
        return self.most is None and self.ends.pattern == "[\\n]"

    def stop(self, text: str, start: int) -> int:
        """Return its latest possible end."""
        end = len(text) if self.most is None else min(start + self.most, len(text))
        found = self.ends.search(text, start, end)
        return found.start() if found else end


class _Chain:
    """Consecutive parts of a command, with gaps between them.

    Each part is searched from the end of the previous one. As one regular expression, they would be tried from every
    position where a part matches: a line of two thousand characters took seconds.
    """

    def __init__(self, form: str) -> None:
        pieces = _GAP.split(form)
        self.parts = tuple(re.compile(part, re.IGNORECASE) for part in pieces[::2])
        self._gaps = tuple(_Gap.of(gap) for gap in pieces[1::2])

    def search(self, text: str) -> Found | None:
        """Return the first match of this form in a text."""
        at = 0
        while (first := self.parts[0].search(text, at)) is not None:
            followed, place = self._follow(text, 1, first.end())
            if followed:
                return Found(first.start(), place)
            at = max(place, first.start() + 1)
        return None

    def _follow(self, text: str, number: int, end: int) -> tuple[bool, int]:
        """Return (True, end) if the parts from `number` on follow, else (False, offset before which none begins)."""
        if number == len(self.parts):
            return True, end
        gap, at = self._gaps[number - 1], end
        stop = gap.stop(text, end)
        while (found := self.parts[number].search(text, at, stop + _MAX_PART)) is not None and found.start() <= stop:
            followed, place = self._follow(text, number + 1, found.end())
            if followed or self._gaps[number].is_line:
                return followed, place
            at = max(place, found.start() + 1)
        return False, stop if gap.most is None else end


class Commands:
    """Commands of several forms."""

    def __init__(self, forms: Iterable[str], rest: Commands | None = None, words: Iterable[str] = ()) -> None:
        """Match `forms`, and also `rest`, if the text contains one of the lower-case `words` that those need."""
        self._own = tuple(forms)
        self._chains = [_Chain(form) for form in self._own]
        self._may_begin = re.compile("|".join(chain.parts[0].pattern for chain in self._chains), re.IGNORECASE)
        self._rest, self._words = rest, tuple(words)

    @property
    def forms(self) -> tuple[str, ...]:
        """Regular expressions, each of which matches such commands."""
        return (*self._own, *(self._rest.forms if self._rest else ()))

    def search(self, text: str) -> Found | None:
        """Return the first command in a text."""
        return min(filter(None, (self._search_own(text), self._search_rest(text))), default=None)

    def _search_own(self, text: str) -> Found | None:
        if self._may_begin.search(text) is None:
            return None
        return min(filter(None, (chain.search(text) for chain in self._chains)), default=None)

    def _search_rest(self, text: str) -> Found | None:
        if self._rest is None:
            return None
        lower = text.lower()
        return self._rest.search(text) if any(word in lower for word in self._words) else None


@cache
def fetched_command() -> Commands:
    """Return the commands that run what they download, as installers also do."""
    return Commands(_FETCHED)


@cache
def _windows_command() -> Commands:
    return Commands(WINDOWS)


@cache
def attack_command() -> Commands:
    """Return the commands that download and run something, or open a shell to another machine."""
    forms = (
        *_NEVER_HONEST,
        *_FETCHED,
        r"/dev/(?:tcp|udp)/",
        r"\b(?:nc|ncat|netcat)\b[^\n]*\s-[a-z]*[ec]\b",
        r"DownloadString",
        r">>?\s*[^\s>]*(?:\.bashrc|\.bash_profile|\.profile|\.zshrc|authorized_keys|/etc/cron\S*)",
        r"\bcrontab\s+-(?:\s|$)",
        rf"\brm\s+-\w*r\w*f?\w*\s+{_ROOTS}(?:\s|$)",
    )
    return Commands(forms, _windows_command(), WORDS)


@cache
def hostile_command() -> Commands:
    """Return the commands without any legitimate use, even in installers.

    Installers of known tools are piped into a shell over https; over plain http, or from a bare address, anybody in
    between decides what runs. Scripts of containers legitimately wait for ports by /dev/tcp and write to ~/.bashrc.
    """
    forms = (
        *_NEVER_HONEST,
        rf"{_FETCH}[^\n|;&]*{_PLAIN}[^\n]*(?:\||;|&&)\s*{_SHELL}",
        rf"{_READS}[^\n]*(?:\$\(|`|<\()\s*(?:curl|wget)\b[^\n]*{_PLAIN}",
        rf"{_FETCH}[^\n|;&]*{_PLAIN}[^\n]*{_RUN}",
        rf"\b(?:iex|invoke-expression)\b[^\n]*{_FETCH_WINDOWS}[^\n]*{_PLAIN}",
        rf"{_FETCH_WINDOWS}[^\n]*{_PLAIN}[^\n]*\b(?:iex|invoke-expression)\b",
        r"\brm\s+-\w*r\w*f\w*\s+(?:/|~|\$HOME)(?:\s|\*|$)",
    )
    return Commands(forms, _windows_command(), WORDS)


@cache
def destroyed() -> re.Pattern[str]:
    """Return the pattern of folders that nobody legitimately removes recursively."""
    homes = rf"(?:{_ROOTS}|/(?:home|Users)/[^/]+/?|%(?:USERPROFILE|SYSTEMROOT)%\\?)"
    return re.compile(rf"{homes}|{homes}(?:/|\\)?(?:Documents|Desktop|Downloads|Pictures)(?:/|\\)?\*?", re.IGNORECASE)


@cache
def private_file() -> re.Pattern[str]:
    """Return the pattern of files with keys and passwords."""
    return re.compile(
        rf"{_SECRETS}|(?:^|/)\.(?:ssh|aws|kube|gnupg)(?:/|$)|\.(?:netrc|git-credentials|npmrc|pypirc)$"
        r"|\.docker/config\.json|/proc/self/environ|Login Data|wallet\.dat|\.cache/huggingface/(?:token|stored_tokens)$"
    )
