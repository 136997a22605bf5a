"""Paths of files that take effect on a system by themselves: at its start, at a certain time, or at a login.

cron(8), systemd.unit(5), ld.so(8), sudoers(5), sshd(8), bash(1), pam.conf(5), udev(7), init(5), apt.conf(5) and
modprobe.d(5); https://specifications.freedesktop.org/autostart-spec/. Only the end of a path is matched, since a root
file system may be anywhere: in a layer, in an archive, in a folder.
"""

from __future__ import annotations

from modelsweep.core import patterns as re
from modelsweep.core.locator import Locator

PRELOAD, KEYS, ROOT, ACCOUNTS, ORDERS, LIBRARIES = "preload", "keys", "root", "accounts", "orders", "libraries"
"""Preloaded libraries, login keys, who may become root, accounts, commands, and folders of libraries."""
_ORDERS = (
    r"etc/(?:crontab|anacrontab|cron\.[a-z]+/[^/]+|periodic/[^/]+/[^/]+|incron\.d/[^/]+)"
    r"|spool/(?:cron/(?:crontabs/|tabs/)?|incron/|at/)[^/]+"
    r"|(?:etc|lib|run|\.config|\.local/share)/systemd/(?:system|user)/(?:[^/]+/)?[^/]+\.(?:service|conf|socket|path)"
    r"|(?:etc|lib|run)/systemd/(?:system|user)-(?:generators|environment-generators|sleep|shutdown)/[^/]+"
    r"|etc/(?:init\.d|rc[0-9S]?\.d|init|profile\.d|update-motd\.d|logrotate\.d|xinetd\.d|pam\.d|modprobe\.d)/[^/]+"
    r"|etc/(?:rc\.local|inittab|profile|bash\.bashrc|bashrc|bash_completion\.d/[^/]+|environment|zshrc|zshenv|zprofile)"
    r"|etc/(?:zsh|fish/conf\.d|csh|skel|ssh|X11/Xsession\.d|X11/xinit/xinitrc\.d)/[^/]+|etc/csh\.\w+"
    r"|etc/network/(?:interfaces|if-[a-z-]+\.d/[^/]+)|etc/NetworkManager/dispatcher\.d/(?:[^/]+/)?[^/]+"
    r"|etc/dhcp/dhclient-\w+-hooks\.d/[^/]+|etc/apt/apt\.conf(?:\.d/[^/]+)?|etc/kernel/[^/]+\.d/[^/]+"
    r"|(?:etc|lib)/udev/rules\.d/[^/]+|etc/xdg/autostart/[^/]+|\.config/autostart/[^/]+"
    r"|etc/security/pam_env\.conf|etc/conda/(?:de)?activate\.d/[^/]+|\.ssh/(?:config|rc)"
    r"|\.(?:bashrc|bash_profile|bash_login|bash_logout|profile|zshrc|zshenv|zprofile|zlogin|cshrc|tcshrc|login"
    r"|kshrc|xprofile|xinitrc|xsession|xsessionrc|pam_environment|envrc)|\.config/fish/(?:conf\.d/[^/]+|config\.fish)"
)
_PLACES = (
    (PRELOAD, r"etc/ld\.so\.preload"),
    (LIBRARIES, r"etc/ld\.so\.conf|etc/ld\.so\.conf\.d/[^/]+"),
    (KEYS, r"\.ssh/authorized_keys2?|etc/ssh/authorized_keys(?:\.d)?(?:/[^/]+)?|etc/dropbear/authorized_keys"),
    (ROOT, r"etc/sudoers(?:\.d/[^/]+)?"),
    (ACCOUNTS, r"etc/passwd"),
    (ORDERS, _ORDERS),
)
_ANY = re.compile("|".join(rf"(?P<{kind}>{form})" for kind, form in _PLACES))
_BEGINNINGS = re.compile(r"(?:^|/)(?=etc/|lib/|run/|spool/|\.)")

_MARKS = ("etc/", "lib/", "run/", "spool/", "/.")
"""Parts of which every such path contains one, except that of a hidden file at the top."""


def place_of(locator: Locator) -> str:
    """Return the kind of place that a file's path is, or ""."""
    path = locator.path.replace("\\", "/")
    if not path.startswith(".") and not any(mark in path for mark in _MARKS):
        return ""
    for begin in _BEGINNINGS.finditer(path):
        found = _ANY.fullmatch(path, begin.end())
        if found:
            return str(found.lastgroup)
    return ""
