"""What runs the commands in a file, by its name or beginning: shells, git, editors, assistants, build tools, others."""

from __future__ import annotations

from typing import NamedTuple

from modelsweep.core import patterns as re
from modelsweep.core.scanner import Blob
from scanners.parsing.start_places import ORDERS, place_of
from scanners.parsing.xml_opening import opening

UNASKED, CONTAINER, ASKED = "unasked", "container", "asked"
_SCRIPTS = (".service", ".sh", ".bash", ".zsh", ".ksh", ".fish", ".bat", ".cmd", ".ps1", ".psm1", ".command")
_PAGES = (".svg", ".html", ".htm", ".hta")
_PROGRAMS = (
    *(".toml", ".cfg", ".ini", ".conf", ".yaml", ".yml", ".nix", ".gradle", ".cmake", ".mk", ".bzl", ".bazel", ".tf"),
    *(".r", ".rprofile", ".jl", ".rb", ".pl", ".pm", ".lua", ".js", ".mjs", ".cjs", ".ts", ".php", ".jsp", ".groovy"),
    *(".rs", ".go", ".cs", ".kts", ".swift"),
    *".scala .sbt .nim .zig .ex .exs .erl .dart .awk .tcl .perl .hs .cr .fsx .rmd .qmd .wdl .cwl .def .spec".split(),
    *".hcl .am .ac .m4 .csproj .vbproj .fsproj .vcxproj .proj .props .targets".split(),
    *(".nf", ".smk", ".vbs", ".vba", ".wsf", ".reg", ".inf", ".el", ".m", ".wl", ".wls", ".sas", ".do", ".ado", ".sps"),
    ".config",
)
"""Settings and programs in other languages: only commands without any legitimate use are reported there."""
_PROGRAM_NAMES = frozenset(
    "Jenkinsfile Vagrantfile Procfile CMakeLists.txt Brewfile Tiltfile Snakefile packages.txt .bazelrc BUILD BUCK "
    "WORKSPACE meson.build Earthfile Rakefile Gemfile Podfile Fastfile PKGBUILD APKBUILD Singularity Apptainer hgrc "
    ".hgrc .replit user-data pom.xml build.xml".split()
)
_INSTRUCTION_FILES = frozenset(
    "CLAUDE.md CLAUDE.local.md AGENTS.md AGENT.md GEMINI.md QWEN.md SKILL.md CONVENTIONS.md copilot-instructions.md "
    ".cursorrules .windsurfrules .clinerules .roorules .goosehints llms.txt llms-full.txt Modelfile".split()
)
_INSTRUCTION_PATHS = re.compile(
    r"(?:^|/)\.(?:(?:claude|cursor|roo|clinerules|kiro|windsurf|junie|continue)/(?:[^/]+/){0,2}[^/]+\.mdc?"
    r"|github/(?:[^/]+/)?[^/]+\.(?:instructions|prompt|chatmode|agent)\.md)$"
)
"""Files that assistants working in a folder read as instructions."""
_STARTUP_FILES = frozenset(
    ".envrc .mise.toml mise.toml .exrc .vimrc .lvimrc .gdbinit .lldbinit .Rprofile .dir-locals.el .pdbrc .irbrc .pryrc "
    ".ghci .pythonrc .pythonrc.py .octaverc .psqlrc .sqliterc".split()
)
"""Files that direnv, mise, editors, debuggers, R and other interpreters read in the folder in which they start."""
_TABLE = ".scp"
"""Tables of Kaldi: each line is a name, then a file, or a command followed by `|` whose output is read."""
_OPTIONS = ".conf"
_HAS_FILTER = re.compile(rb"(?m)^[ \t]*(?:[A-Z]\w*:[ \t]*)?H[A-Z]{2,12}FILTER[ \t]*=")
"""A setting of HTK with the command through which it reads or writes one kind of files."""
_HAS_OPTION = re.compile(rb"(?m)^[ \t]*--[A-Za-z][\w.:-]*=")
SUFFIXES = (*_SCRIPTS, ".desktop", _TABLE, *_PAGES, *_PROGRAMS)
_PROJECTS = frozenset({"MLproject", ".pre-commit-config.yaml", "crontab", "workspace.xml", ".gitlab-ci.yml"})
_JETBRAINS_START = '<component name="ProjectRunConfigurationManager"'
"""Beginning of run configurations of JetBrains editors."""
_WORKFLOW = re.compile(rb"(?m)^[ \t]+runs-on[ \t]*:|^[ \t]*(?:before_)?script[ \t]*:[ \t]*$")
"""Keys of workflow jobs: where one runs (GitHub), or what one runs (GitLab)."""
_SHEBANG = re.compile(rb"(?:\xef\xbb\xbf)?#![^\n]{0,100}\b(?:ba|z|da|k|fi|a)?sh\b")
_HOOKS = frozenset(
    "applypatch-msg pre-applypatch post-applypatch pre-commit pre-merge-commit prepare-commit-msg commit-msg "
    "post-commit pre-rebase post-checkout post-merge pre-push post-rewrite pre-auto-gc fsmonitor-watchman".split()
)
_SHELL_FILES = frozenset(".bashrc .bash_profile .bash_login .bash_logout .profile .zshrc .zshenv .zprofile".split())
_BUILD = re.compile(r"(?:GNU)?[Mm]akefile|Dockerfile(?:\.\w+)?|.*\.dockerfile|Containerfile|justfile", re.IGNORECASE)
_GIT = re.compile(
    rb"\s*\[(?:core|filter|alias|diff|merge|credential|include|remote|branch|submodule|user|init|url|gpg|pager"
    rb"|sequence|protocol|difftool|mergetool)\b"
)


class Runner(NamedTuple):
    """What runs commands, as a sentence for people, and whether anybody asks for it: UNASKED, CONTAINER or ASKED."""

    who: str
    how: str


HOOK = Runner("git runs it because of its name", UNASKED)
SHELL = Runner("every shell runs it at its start", UNASKED)
STARTED = Runner("starting a tool in the folder, or entering it, runs it", UNASKED)
GIT_SETTING = Runner("git runs it in the folder that this file configures", UNASKED)
SYSTEM = Runner("the system or every login runs it", UNASKED)
OPENED = Runner("opening the file runs it", UNASKED)
BUILT = Runner("building runs it", ASKED)
PAGE = Runner("opening the page runs it", ASKED)
JOB = Runner("continuous integration or a project tool runs it", ASKED)
SCRIPT = Runner("running the script runs it", ASKED)
PROGRAM = Runner("using the file runs it", ASKED)
ORDERED = Runner("an assistant that works in the folder reads it", ASKED)
ENTRY = Runner("Kaldi runs it to read the entry", UNASKED)
VALUE = Runner("Kaldi runs it in place of a file", UNASKED)
FILTER = Runner("HTK runs it to read or write a file", UNASKED)


def runner_of(blob: Blob) -> Runner | None:
    """Return what runs the commands in the blob, or None if its name and beginning are those of no such file."""
    name, suffix = blob.locator.name, blob.locator.suffix
    runners = (
        (name in _HOOKS, HOOK),
        (name in _SHELL_FILES, SHELL),
        (name in _STARTUP_FILES, STARTED),
        (_is_of_git(blob), GIT_SETTING),
        (place_of(blob.locator) == ORDERS, SYSTEM),
        (suffix == ".desktop", OPENED),
        (suffix in _PAGES, PAGE),
        (_is_project(blob), JOB),
        (suffix == _TABLE, ENTRY),
        (_is_of_htk(blob), FILTER),
        (suffix == _OPTIONS and _HAS_OPTION.search(blob.head), VALUE),
        (_BUILD.fullmatch(name), BUILT),
        (_SHEBANG.match(blob.head), SCRIPT),
        (_is_instruction(blob), ORDERED),
        (suffix in _PROGRAMS or name in _PROGRAM_NAMES, PROGRAM),
        (suffix in _SCRIPTS, SCRIPT),
    )
    return next((runner for holds, runner in runners if holds), None)


def _is_of_git(blob: Blob) -> bool:
    return blob.locator.name in ("config", ".gitconfig", ".gitmodules") and _GIT.match(blob.head) is not None


def _is_of_htk(blob: Blob) -> bool:
    return b"FILTER" in blob.head and _HAS_FILTER.search(blob.head) is not None


def _is_project(blob: Blob) -> bool:
    """Return whether the blob describes jobs of continuous integration, or commands that a project tool runs."""
    workflow = blob.locator.suffix in (".yml", ".yaml") and _WORKFLOW.search(blob.head) is not None
    of_idea = blob.locator.suffix == ".xml" and opening(blob).startswith(_JETBRAINS_START)
    return workflow or blob.locator.name in _PROJECTS or of_idea


def _is_instruction(blob: Blob) -> bool:
    """Return whether assistants working in a folder read the blob as instructions."""
    name, path = blob.locator.name, _path(blob).replace("\\", "/")
    return name in _INSTRUCTION_FILES or (
        name.endswith((".md", ".mdc")) and _INSTRUCTION_PATHS.search(path) is not None
    )


def _path(blob: Blob) -> str:
    """Return the path of the blob, or its path in the archive if it is a member."""
    return blob.locator.members[-1] if blob.locator.members else blob.locator.path
