"""Callables of Python that matter to whoever imports a file, by what they do."""

from __future__ import annotations

_TABLE = {
    "code": """
        builtins.exec builtins.eval builtins.execfile types.FunctionType runpy.run_path runpy.run_module
        code.InteractiveInterpreter().runsource code.InteractiveInterpreter().runcode
    """,
    "command": """
        os.system os.popen os.startfile os.popen2 os.popen3 pty.spawn commands.getoutput commands.getstatusoutput
        subprocess.run subprocess.call subprocess.Popen subprocess.check_call subprocess.check_output
        subprocess.getoutput subprocess.getstatusoutput asyncio.create_subprocess_exec
        asyncio.create_subprocess_shell os.execl os.execle os.execlp os.execlpe os.execv os.execve os.execvp os.execvpe
        os.spawnl os.spawnle os.spawnlp os.spawnlpe os.spawnv os.spawnve os.spawnvp os.spawnvpe os.posix_spawn
        os.posix_spawnp
    """,
    "connection": """
        socket.socket().connect socket.socket().connect_ex socket.create_connection asyncio.open_connection
        telnetlib.Telnet paramiko.SSHClient().connect smtplib.SMTP smtplib.SMTP_SSL ftplib.FTP
    """,
    "sending": """
        requests.post requests.put requests.patch requests.Session().post requests.session().post httpx.post httpx.put
        httpx.Client().post urllib3.PoolManager().request http.client.HTTPConnection().request
        http.client.HTTPSConnection().request
    """,
    "fetching": """
        urllib.request.urlopen urllib.request.urlretrieve urllib.urlopen urllib.urlretrieve urllib2.urlopen
        urllib.request.build_opener().open requests.get requests.request requests.Session().get requests.session().get
        httpx.get httpx.Client().get wget.download
    """,
    "descriptor": "os.dup2",
    "native": """
        ctypes.CDLL ctypes.PyDLL ctypes.WinDLL ctypes.OleDLL ctypes.cdll.LoadLibrary ctypes.windll.LoadLibrary
    """,
    "memory": """
        ctypes.windll.kernel32.VirtualAlloc ctypes.windll.kernel32.RtlMoveMemory ctypes.windll.kernel32.CreateThread
        ctypes.windll.kernel32.VirtualProtect ctypes.windll.kernel32.WriteProcessMemory
        ctypes.windll.kernel32.CreateRemoteThread
    """,
    "writing": """
        builtins.open io.open codecs.open pathlib.Path().write_text pathlib.Path().write_bytes pathlib.Path().open
    """,
}
KINDS = {name: kind for kind, names in _TABLE.items() for name in names.split()}
"""Dotted name -> what it does."""
CALLERS = frozenset(
    "builtins.map builtins.filter functools.reduce threading.Thread threading.Timer multiprocessing.Process "
    "atexit.register _thread.start_new_thread asyncio.run".split()
)
"""Callables that call what they are handed."""
UNPICKLERS = frozenset("pickle.loads pickle.load dill.loads dill.load cloudpickle.loads cloudpickle.load".split())
SPAWNERS = ("os.spawn", "os.posix_spawn", "os.exec", "asyncio.create_subprocess_exec")
"""Prefixes of callables that take a command as separate arguments."""
