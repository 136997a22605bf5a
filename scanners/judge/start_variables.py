"""Environment variables that make programs load or run something at their start, and which values are harmful.

ld.so(8), https://docs.python.org/3/using/cmdline.html#environment-variables, bash(1), perlrun(1), git(1),
https://nodejs.org/api/cli.html#node_optionsoptions, `JAVA_TOOL_OPTIONS` of the JVM's tool interface.
"""

from __future__ import annotations

from typing import Literal

from modelsweep.core import patterns as re
from scanners.judge.attack_commands import fetched_command, hostile_command
from scanners.judge.start_orders import known_library, stray_folder, stray_place, stray_program

_LIBRARIES = frozenset({"LD_PRELOAD", "LD_AUDIT", "DYLD_INSERT_LIBRARIES"})
_FILES = frozenset(
    "PYTHONSTARTUP BASH_ENV ENV ZDOTDIR R_PROFILE R_PROFILE_USER LUA_INIT PYTHONHOME PERL5DB GIT_TEMPLATE_DIR "
    "GIT_EXEC_PATH OPENSSL_ENGINES CUDA_INJECTION64_PATH GTK_MODULES GCONV_PATH "
    "CODEX_HOME CLAUDE_CONFIG_DIR GIT_CONFIG_GLOBAL GIT_CONFIG_SYSTEM".split()
)
"""Variables with files that are run or loaded, or folders of these."""
_COMMANDS = frozenset(
    "GIT_SSH GIT_SSH_COMMAND GIT_PROXY_COMMAND GIT_EXTERNAL_DIFF GIT_PAGER GIT_EDITOR GIT_SEQUENCE_EDITOR GIT_ASKPASS "
    "SSH_ASKPASS SUDO_ASKPASS PAGER MANPAGER LESSOPEN LESSCLOSE EDITOR VISUAL BROWSER PROMPT_COMMAND SHELL "
    "RUSTC_WRAPPER npm_config_script_shell NPM_CONFIG_SCRIPT_SHELL".split()
)
_OPTIONS = frozenset(
    "NODE_OPTIONS NPM_CONFIG_NODE_OPTIONS PERL5OPT RUBYOPT JAVA_TOOL_OPTIONS _JAVA_OPTIONS JDK_JAVA_OPTIONS "
    "ERL_FLAGS".split()
)
_FOLDERS = frozenset(
    "PATH PYTHONPATH LD_LIBRARY_PATH DYLD_LIBRARY_PATH PERL5LIB RUBYLIB CLASSPATH LUA_PATH LUA_CPATH "
    "QT_PLUGIN_PATH".split()
)
_BREAKPOINT = "PYTHONBREAKPOINT"
NAMES = _LIBRARIES | _FILES | _COMMANDS | _OPTIONS | _FOLDERS | {_BREAKPOINT}
Setting = Literal["system", "beside", "script"]
"""Where a variable is set: system-wide, by settings in a folder that came with a model, or by a script."""
_SEPARATOR = re.compile(r"[\s:;]+")
_BESIDE_SETTINGS = re.compile(r"(?:\.{1,2}/|\$\{?PWD\}?/|\$\(pwd\)/|\$\{?(?:workspaceFolder|WORKSPACE)\}?/)")
"""Prefix of a path into the folder of the settings."""
_BARE = re.compile(r"\.?[\w-][\w./-]{0,200}\.(?:so|dylib|py|sh|js|mjs|cjs|pl|rb)")
_LOADS = re.compile(
    r"(?:^|\s)(?:--?(?:require|import|loader|experimental-loader)[\s=]+|-javaagent:|-agentpath:|-XX:On(?:OutOfMemory)?Error=|-Xbootclasspath/\w:|-(?:r|I|M(?:lib=)?|pa)\s*)"
    r"[\"']?(?P<what>[^\s,\"']{1,300})"
)
"""Options that make an interpreter load a file."""
_STARTUP = re.compile(r"/etc/[\w./-]+|(?:~|/root|/home/[\w.-]+)/(?:\.config/(?:python/)?)?\.?python[\w-]*(?:\.py)?")
"""Usual paths of Python's start-up files, of users and distributions."""
_CALLS = re.compile(r"(?:os|posix|nt|subprocess|builtins|code|runpy|pty|importlib)\.\w[\w.]*")
"""Callables for PYTHONBREAKPOINT that are no debugger."""


def what_of(name: str, value: str, setting: Setting = "system") -> str:
    """Return the rule that this value of a variable violates, or "" if it is harmless."""
    value = value.strip().strip("\"'")
    if name in _LIBRARIES:
        odd = any(_is_unusual_library(part, setting) for part in _SEPARATOR.split(value) if part)
        return "preloaded-library" if odd else ""
    if name not in NAMES:
        return ""
    return "start-variable" if _runs(name, value, setting) else ""


def _is_unusual_library(path: str, setting: Setting) -> bool:
    """Return whether a preloaded library is in a world-writable folder, or has an unknown name."""
    if stray_place().search(path):
        return True
    if setting == "script":  # a script sets it for one program
        return False
    name = path.rpartition("/")[2]
    if _BESIDE_SETTINGS.match(path) is None and "$" in path:  # whatever that is
        return False
    return (".so" in name or name.endswith(".dylib")) and known_library().fullmatch(name) is None


def _runs(name: str, value: str, setting: Setting) -> bool:
    """Return whether programs run or load what the variable names, and this is unusual."""
    if hostile_command().search(value) or fetched_command().search(value):
        return True
    if name in _FOLDERS:
        return setting != "script" and stray_folder().search(value) is not None
    if name == _BREAKPOINT:
        return _CALLS.fullmatch(value) is not None
    if name in _OPTIONS:
        return any(_is_stray(found["what"], setting) for found in _LOADS.finditer(value))
    if name in _COMMANDS:
        first = value.split(None, 1)[0] if value.split() else ""
        return stray_program().search(value) is not None or (
            setting == "beside" and _BESIDE_SETTINGS.match(first) is not None
        )
    return _is_stray(value, setting) or (name == "PYTHONSTARTUP" and _is_unusual(value, setting))


def _is_stray(path: str, setting: Setting) -> bool:
    if stray_place().match(path):
        return True
    return setting == "beside" and (_BESIDE_SETTINGS.match(path) is not None or _BARE.fullmatch(path) is not None)


def _is_unusual(path: str, setting: Setting) -> bool:
    return setting != "script" and path != "" and "$" not in path and _STARTUP.fullmatch(path) is None
