"""Seccomp: the system calls that an examining process gives up, as a filter program for the kernel.

https://docs.kernel.org/userspace-api/seccomp_filter.html. What is listed is refused; what a library may try without
harm (a socket, a process) fails with EPERM, what only an attacker needs kills the process with SIGSYS, which the
report then names.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Iterable, Iterator

from worker.libc import libc

# name, number on x86_64, number on aarch64; "-" where the architecture does not have it.
_REFUSED = """
socket 41 198 | socketpair 53 199 | connect 42 203 | bind 49 200 | listen 50 201 | accept 43 202 | accept4 288 242
execve 59 221 | execveat 322 281 | fork 57 - | vfork 58 - | setpgid 109 154 | setsid 112 157
tkill 200 130 | rt_sigqueueinfo 129 138 | rt_tgsigqueueinfo 297 240 | pidfd_open 434 434 | pidfd_send_signal 424 424
io_uring_setup 425 425 | io_uring_enter 426 426 | io_uring_register 427 427
prctl 157 167 | arch_prctl 158 - | prlimit64 302 261 | setrlimit 160 164 | setpriority 141 140
setuid 105 146 | setgid 106 144 | setreuid 113 145 | setregid 114 143 | setresuid 117 147 | setresgid 119 149
setgroups 116 159 | setfsuid 122 151 | setfsgid 123 152 | capset 126 91
chmod 90 - | fchmod 91 52 | fchmodat 268 53 | fchmodat2 452 452 | chown 92 - | fchown 93 55 | lchown 94 -
fchownat 260 54 | setxattr 188 5 | lsetxattr 189 6 | fsetxattr 190 7 | removexattr 197 14 | lremovexattr 198 15
fremovexattr 199 16 | utime 132 - | utimes 235 - | futimesat 261 - | utimensat 280 88 | mknod 133 - | mknodat 259 33
link 86 - | linkat 265 37 | symlink 88 - | symlinkat 266 36 | mkdir 83 - | mkdirat 258 34
rename 82 - | renameat 264 38 | renameat2 316 276 | truncate 76 45 | memfd_create 319 279 | memfd_secret 447 447
shmget 29 194 | shmat 30 196 | semget 64 190 | msgget 68 186 | mq_open 240 180
inotify_init 253 - | inotify_init1 294 26 | fanotify_init 300 262 | name_to_handle_at 303 264
sched_setaffinity 203 122 | sched_setscheduler 144 119 | sched_setattr 314 274
"""
_FATAL = """
ptrace 101 117 | process_vm_readv 310 270 | process_vm_writev 311 271 | process_madvise 440 440 | kcmp 312 272
pidfd_getfd 438 438 | open_by_handle_at 304 265 | userfaultfd 323 282 | bpf 321 280 | perf_event_open 298 241
mount 165 40 | umount2 166 39 | pivot_root 155 41 | chroot 161 51 | setns 308 268 | unshare 272 97
open_tree 428 428 | move_mount 429 429 | fsopen 430 430 | fsconfig 431 431 | fsmount 432 432 | fspick 433 433
mount_setattr 442 442 | keyctl 250 219 | add_key 248 217 | request_key 249 218
init_module 175 105 | finit_module 313 273 | delete_module 176 106 | kexec_load 246 104 | kexec_file_load 320 294
reboot 169 142 | swapon 167 224 | swapoff 168 225 | acct 163 89 | quotactl 179 60 | syslog 103 116
settimeofday 164 170 | clock_settime 227 112 | clock_adjtime 305 266 | adjtimex 159 171
sethostname 170 161 | setdomainname 171 162 | iopl 172 - | ioperm 173 - | modify_ldt 154 - | personality 135 92
"""
# The column, the audit number of the architecture, and clone, clone3, kill, tgkill on it.
_ARCHITECTURES = {
    "x86_64": (1, 0xC000003E, 56, 435, 62, 234),
    "aarch64": (2, 0xC00000B7, 220, 435, 129, 131),
}
_X32 = 0x40000000  # x86_64 numbers with this bit are the x32 interface, which nothing here uses
_CLONE_THREAD = 0x00010000
_EPERM, _ENOSYS = 1, 38
_OWN = 0xFFFFFFFF  # stands for the process id, which no constant of the program is

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data; both are little-endian
_SECCOMP_MODE_FILTER, _PR_SET_SECCOMP, _PR_GET_SECCOMP = 2, 22, 21

Instruction = tuple[int, int, int, int]
"""Operation, instructions to skip where it holds, and where it does not, and its constant."""


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))


def supported() -> bool:
    """Return whether this kernel filters system calls, on an architecture whose numbers are known here."""
    if _machine() not in _ARCHITECTURES:
        return False
    # A filter at address 0 is looked at only by a kernel that has filters: EFAULT, where others say EINVAL.
    libc().prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, None, 0, 0)
    return ctypes.get_errno() == 14


class Filter:
    """The listed system calls, as a program that all children of the process that makes it can load."""

    def __init__(self) -> None:
        machine = _machine()
        instructions = program(machine, _OWN) if machine in _ARCHITECTURES else []
        code = b"".join(struct.pack("<HBBI", *instruction) for instruction in instructions)
        self._code = ctypes.create_string_buffer(code, len(code))
        self._program = ctypes.pointer(_Program(len(instructions), ctypes.addressof(self._code)))
        self._own = [place * 8 + 4 for place, (*_, constant) in enumerate(instructions) if constant == _OWN]
        self._load = libc().prctl

    def restrict(self) -> bool:
        """Give up the listed system calls for this process and its threads; returns False where that is not known.

        The process must have set PR_SET_NO_NEW_PRIVS; the filter names its own process id, so it comes after the fork.
        """
        if not len(self._code):
            return False
        for place in self._own:
            struct.pack_into("<I", self._code, place, os.getpid())
        return bool(self._load(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, self._program, 0, 0) == 0)


def _machine() -> str:
    """Return the architecture of this process; one of 32 bits on a kernel of 64 is none that is known here."""
    return os.uname().machine if sys.maxsize > 1 << 32 else ""


def program(machine: str, pid: int) -> list[Instruction]:
    """Return the filter for the architecture `machine` and the process `pid`."""
    column, audit, clone, clone3, kill, tgkill = _ARCHITECTURES[machine]
    return [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, audit),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, _ERRNO | _EPERM),
        *_on(_numbers(_REFUSED, column).values(), _ERRNO | _EPERM),
        *_on(_numbers(_FATAL, column).values(), _KILL),
        # glibc tries clone3 first, whose flags a filter cannot see, and takes clone where it does not exist.
        *_on((clone3,), _ERRNO | _ENOSYS),
        *_unless(clone, (_ANY_BIT, 1, 0, _CLONE_THREAD)),
        *_unless(kill, (_EQUAL, 1, 0, pid)),
        *_unless(tgkill, (_EQUAL, 1, 0, pid)),
        (_RETURN, 0, 0, _ALLOW),
    ]


def numbers(machine: str) -> dict[str, int]:
    """Return the system calls that the filter for `machine` knows, by name."""
    column, _, *conditional = _ARCHITECTURES[machine]
    named = zip(("clone", "clone3", "kill", "tgkill"), conditional, strict=True)
    return _numbers(_REFUSED, column) | _numbers(_FATAL, column) | dict(named)


def _numbers(table: str, column: int) -> dict[str, int]:
    entries = [entry.split() for entry in table.replace("\n", "|").split("|") if entry.strip()]
    return {entry[0]: int(entry[column]) for entry in entries if entry[column] != "-"}


def _on(numbers: Iterable[int], answer: int) -> Iterator[Instruction]:
    for number in numbers:
        yield (_EQUAL, 0, 1, number)
        yield (_RETURN, 0, 0, answer)


def _unless(number: int, condition: Instruction) -> Iterator[Instruction]:
    """Refuse the call `number` unless `condition` holds for its first argument."""
    yield (_EQUAL, 0, 4, number)
    yield (_LOAD, 0, 0, _FIRST_ARGUMENT)
    yield condition
    yield (_RETURN, 0, 0, _ERRNO | _EPERM)
    yield (_RETURN, 0, 0, _ALLOW)
