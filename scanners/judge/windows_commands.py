"""Windows commands without a legitimate use beside a model: they persist, hide, disable protection, or destroy.

https://attack.mitre.org/matrices/enterprise/windows/. The form is that of `scanners.judge.attack_commands`.
"""

from __future__ import annotations

_OPEN = (
    r"(?:\\(?:Temp|Public|AppData|ProgramData)\\|%(?:TEMP|TMP|APPDATA|LOCALAPPDATA|PUBLIC)%"
    r"|\$env:(?:TEMP|APPDATA|PUBLIC))"
)
"""Folders that every user can write to."""
_HOSTS = r"(?:powershell|pwsh|mshta|[wc]script|rundll32|regsvr32)"
_STARTUP = (
    r"(?:\\Start Menu\\Programs\\Startup|shell:(?:common )?startup"
    r"|(?:GetFolderPath|SpecialFolders)\(\s*['\"](?:Common)?Startup)"
)
_AT = r"/ru\s+\"?(?:NT AUTHORITY\\)?system|/sc\s+(?:onlogon|onstart|onidle|minute)"
_PLACES = r"(?:CurrentVersion\\Winlogon|Image File Execution Options|Policies\\Explorer\\Run|AppInit_DLLs)"
_PUTS = r"(?:x?copy|robocopy|move|mklink|cp|mv|(?:Copy|Move|New)-Item|Set-Content|Out-File|CreateShortcut|echo)"
_GETS = r"(?:curl|wget|iwr|Invoke-WebRequest|DownloadFile|Start-BitsTransfer)"
_BARE = r"https?://(?!127\.|0\.)\d{1,3}(?:\.\d{1,3}){3}"
_PROGRAM = r"\.(?:exe|scr|dll|ps1|vbs|hta|bat|cmd|msi)\b"
_ASKS = r"['`\"]\s*(?:curl|powershell|certutil|bitsadmin|nslookup)\b"
_DOES = r"\bdo\s+\(?\s*(?:@?cmd(?:\.exe)?\s+/[ck]\s+|call\s+|@)?\"?%%?~?[A-Za-z]\b"
_OWN = r"(?:chr\(34\)|WScript\.Arguments|[\w .\\~-]{0,80}\.(?:bat|cmd|py)\b|python)"
"""What legitimate launchers start without a window: a script beside them."""
_FETCHES = (
    r"(?:\biex\b|Invoke-Expression|Download(?:String|File|Data)|\biwr\b|\birm\b|Invoke-WebRequest|FromBase64String)"
)
_STAYS = (
    rf"\bschtasks(?:\.exe)?\b[^\n]*/create\b[^\n]*(?:{_AT}|{_HOSTS}|{_OPEN})",
    rf"\b(?:Register-ScheduledTask|New-ScheduledTaskAction)\b[^\n]*(?:{_HOSTS}|\bcmd\b|{_OPEN})",
    r"\b(?:(?:New|Set)-ItemProperty|sp)\s[^\n]*\\CurrentVersion\\(?:Run|Policies\\Explorer\\Run)",
    rf"\b(?:(?:New|Set)-ItemProperty|sp)\s[^\n]*{_PLACES}",
    rf"\breg(?:\.exe)?\s+add\s[^\n]*{_PLACES}",
    r"\breg(?:\.exe)?\s+add\s[^\n]*\\(?:ms-settings|exefile|mscfile)\\shell\\open\\command",
    rf"\b{_PUTS}\b[^\n]*{_STARTUP}",
    r"\bnet1?(?:\.exe)?\s+(?:user|localgroup)\s[^\n]*/add\b",
)
_HIDES = (
    r"\bamsi(?:Utils|InitFailed|ScanBuffer|OpenSession)\b",
    r"\bSet-MpPreference\b[^\n]*-Disable\w+\s+(?:\$true|1)",
    r"\bAdd-MpPreference\b[^\n]*-Exclusion\w+",
    r"\bsc(?:\.exe)?\s+(?:stop|delete|config)\s+WinDefend",
    r"\b(?:sal|Set-Alias|New-Alias)\s+(?:-\w+\s+)?\S{1,40}\s+(?:-\w+\s+)?(?:iex|Invoke-Expression)\b",
    rf"\b(?:powershell|pwsh)(?:\.exe)?\b[^\n]*-w(?:in(?:dowstyle)?)?\s+h(?:id)?[^\n]*{_FETCHES}",
    r"\bExecute(?:Global)?[\s(]+[^\n]*(?:\bChrW?\(|StrReverse\(|responseText)",
)
_RUNS = (
    r"\bwmic(?:\.exe)?\b[^\n]*\bprocess\s+call\s+create\b",
    r"Win32_Process\b[^\n]*\bCreate\b",
    r"Assembly\]::Load\(\s*(?:\$|\[(?:System\.)?Convert\]|\(|\[byte)",
    r"GetDelegateForFunctionPointer\b",
    r"Net\.Sockets\.TCPClient\b[^\n]*\bGetStream\b",
    r"Net\.Sockets\.TCPClient\(\s*['\"](?!127\.|0\.)\d{1,3}(?:\.\d{1,3}){3}",
    r"\bmshta(?:\.exe)?\s+[\"']?(?:https?|vbscript|javascript):",
    r"\bregsvr32(?:\.exe)?\b[^\n]*\bscrobj\.dll",
    r"\brundll32(?:\.exe)?\s[^\n]*\.(?:bin|dat|txt|png|jpg|pt|pth|onnx|gguf|safetensors)\s*,",
    rf"\b{_GETS}\b[^\n]*{_BARE}[^\n]*{_PROGRAM}",
    rf"\bfor\s+/f\b[^\n]*\(\s*{_ASKS}[^\n]*{_DOES}",
    rf"\.(?:Run|Exec|ShellExecute)\b[\s(]*[\"'][^\n]*(?:\bmshta\b|\bcertutil\b|\bbitsadmin\b|{_OPEN}|Users\\Public)",
    r"\.(?:Run|Exec|ShellExecute)\b[\s(]*[\"'][^\n]*(?:powershell|pwsh)[^\n]*\s-(?:w(?:in\w*)?\s+h|c\b|command\b|nop)",
    rf"WScript\.Shell['\"]?\)?\s{{0,9}}\.(?:Run|Exec)\b(?![\s(\"'&]*{_OWN})",
)
_DESTROYS = (
    r"\bvssadmin(?:\.exe)?\s+(?:delete|resize)\s+shadow",
    r"\bwbadmin(?:\.exe)?\s+delete\b",
    r"\bbcdedit(?:\.exe)?\b[^\n]*\b(?:recoveryenabled\s+no|ignoreallfailures)",
    r"\bwevtutil(?:\.exe)?\s+(?:cl|clear-log)\b",
    r"Win32_ShadowCopy\b[^\n]*Delete",
)
FORMS = (*_STAYS, *_HIDES, *_RUNS, *_DESTROYS)
WORDS = (
    *(
        "schtasks",
        "scheduledtask",
        "currentversion",
        "image file execution",
        "appinit",
        "\\shell\\open",
        "startup",
        "/add",
    ),
    *(
        "amsi",
        "mppreference",
        "windefend",
        "alias",
        "sal ",
        "powershell",
        "pwsh",
        "execute",
        "wmic",
        "win32_",
        "assembly]",
    ),
    *("getdelegate", "tcpclient", "mshta", "scrobj", "rundll32", "http", "/f", ".run", ".exec", ".shellexecute"),
    *("vssadmin", "wbadmin", "bcdedit", "wevtutil"),
)
"""Lower-case words, of which every match of `FORMS` contains one."""
