"""Commands that builds and scripts legitimately run, such as git for a version, a compiler, a download of data."""

from __future__ import annotations

from modelsweep.core import patterns as re

_TOOLS = frozenset(
    "git hg svn pip pip3 uv conda mamba apt apt-get brew gcc g++ cc c++ clang nvcc hipcc cmake make ninja meson "
    "swig mkdir which pkg-config llvm-config xml2-config mpicc cython protoc uname nvidia-smi rocm-smi rocminfo "
    "hipconfig ldconfig lscpu sysctl sw_vers xcrun xcode-select npm node yarn twine getconf ldd otool lsb_release "
    "java javac ffmpeg ffprobe sox xcodebuild fc-list fc-match pget lsblk system_profiler".split()
)
_SCRIPT_TOOLS = frozenset(
    "which where ls dir mkdir cp cd pwd clear cls color title chcp tput stty file dpkg unzip tar module ulimit gs "
    "locale df du ps cat head tail grep tr cut wc sleep zip gzip gunzip doxygen sphinx-apidoc sphinx-build "
    "tensorboard black isort ruff flake8 mypy pandoc pdflatex latexmk dot coverage type".split()
)
"""Tools that scripts use in a shell, but code of a model does not."""
_VERSION_QUERY = re.compile(
    r"(?:…|(?:…/)?[\w.+-]{2,40})\s+(?:-{1,2}version|-V|-{1,2}help|-h)(?:\s+2>(?:&1|/dev/null))?"
)
"""A program, by name or by path, that is asked for its version or its help."""
_LAUNCH = re.compile(
    r"(?:[A-Z][A-Z\d_]*=[\w,./-]*\s+)*(?:python[\d.]*(?:\s+-[uOBEsS])*(?:\s+-m)?|(?:accelerate|deepspeed|torchrun|"
    r"streamlit|jupyter|uvicorn|gunicorn|pytest)(?:\s+(?:launch|run|nbconvert))?(?:\s+--?[\w-]+(?:[=:./][\w:./-]*)?)*)"
    r"(?:\s+(?:\./|…/)?|(?<=-m))(?!\S*\.\./)\w[\w.:/-]*(?:\s|$)"
    r"|(?:ba|z)?sh(?:\s+-[eux]+)*\s+(?:\./)?(?!\S*\.\./)\w[\w./-]*\.sh(?:\s|$)"
)
"""Python, or a launcher of it, with a module or a file below this folder, and variables for it; shell scripts."""
_FETCHES_CODE = re.compile(
    r"\b(?:git\s+(?:-\S+\s+)*clone|svn\s+(?:co|checkout)|wget|curl|gdown|pget|hf|huggingface-cli)\b"
)
_REMOVAL = re.compile(r"rm(?:\s+-[rfv]+)*(?:\s+(?![-/~.])(?!\S*\.\./)[\w*./-]+)+")
"""Removal of files and folders below this one."""
_FETCHING_TOOLS = {
    "wget": re.compile(r"-(?:[qcnvNP]|nv|nc|q?O)|--(?:quiet|continue|no-clobber|timestamping|show-progress|no-verbose)"
                       r"|--(?:output-document|directory-prefix|tries|timeout|progress)(?:=\S+)?"),
    "curl": re.compile(r"-[LsSfJ#C]*[oO]?|--(?:location|silent|show-error|fail|output|remote-name|create-dirs|retry)"),
    "gdown": re.compile(r"-[qcO]|--(?:id|fuzzy|quiet|continue|output)"),
    "hf": re.compile(r"--(?:local-dir|local-dir-use-symlinks|repo-type|include|exclude|revision|quiet)(?:=\S+)?"),
}  # fmt: skip
_FETCHING_TOOLS["huggingface-cli"] = _FETCHING_TOOLS["hf"]
"""Tools that download weights and data, with the options that keep them to that."""
_FETCHED_DATA = re.compile(
    r"https://(?!\d)[\w.-]+\.[a-z]+/[^\s\"'$`]*\.(?:bin|ckpt|csv|gguf|gif|h5|jpe?g|json|jsonl|model|mp[34]|npy|npz|onnx|"
    r"parquet|pdparams|png|pt|pth|safetensors|tar(?:\.gz)?|task|tflite|tgz|th|tsv|txt|vocab|wav|webp|weights|yaml|zip)"
    r"(?:\?download=(?:true|1))?|https://drive\.google\.com/[^\s\"'$`]+",
)
_ARCHIVED = re.compile(r"\.(?:mar|nemo|tar|t[bgx]z|zip|gz|7z|whl)\b")
_DOWNLOAD_WORD = re.compile(
    r"(?![/~]|(?:.*/)?\.[\w.]|.*(?:site|dist)-packages)[\w./*-]+(?<!\.py)(?<!\.sh)(?<!\.so)(?<!\.exe)(?<!\.bat)(?<!\.ps1)"
)
"""Other words of a download command: targets below this folder that are neither hidden nor executable."""
_PYTHON_TOOLS = re.compile(r"(?:\S*/)?python[\d.]*\s+(?:-m\s+pip\b|-[Vc]\b|--version\b|setup\.py\b)")
"""Usual uses of Python itself; the code after -c is examined with the file."""
_QUERY = re.compile(
    r"(?!.*\b(?!(?:get|select|where|sort|measure|format|convertto)-)[a-z]+-[a-z])(?!.*\b(?:iex|icm|saps|clipboard)\b)"
    r"(?:\S*[/\\])?(?:powershell|pwsh)(?:\.exe)?(?:\s+-(?:nop|noni|nol)\w*)*\s+-c\w*\s+[\"'({]*Get-(?!Content|Cred)\w+"
    r"[\w .,:='\"*-]*(?:[)}][\w .]*)?"
    r"|wmic(?:\.exe)?\s+[a-z]+\s+get\s+[a-z,]+(?:\s+/format:\w+)?",
    re.IGNORECASE,
)
"""Queries about a Windows machine: cmdlets that get something, and only filter it."""
PRIVATE = re.compile(
    r"\bcore\.(?:hooksPath|sshCommand|fsmonitor|pager|editor|askPass)\b|\b(?:alias|credential)\.\S+\s+[\"']?!"
    r"|\bfilter\.\S+\.(?:clean|smudge|process)\b|\.(?:ssh|aws|netrc|kube|docker|gnupg)\b|/etc/|>>|\$\(|`|\s(?:-C|-d)\s*(?:[/~]|\$HOME)/?(?:\s|$)"
)
"""Files that a usual tool never needs."""
_FOREIGN_INDEX = re.compile(
    r"\bpip[\d.]*\s+(?:\S+\s+)*?install\b[^\n]*(?:\bgit\+|\bhttps?://|--(?:extra-)?index-url|--find-links|\s-[if]\s)"
    r"|\b(?:npm|yarn|pnpm)\s+(?:install|i|add)\b[^\n]*(?:\bgit\+|\bhttps?://)"
)
_ADDRESS = re.compile(r"(?:(?:git|hg)\+)?\w{2,6}://[^\s'\"]+")
_KNOWN_INDEX = re.compile(r"https://(?:download\.pytorch\.org|[\w.-]+\.nvidia\.com|data\.pyg\.org)/")
"""Indexes with the wheels of frameworks, as their own instructions name them."""
_INSTALLED = re.compile(r"\bpip[\d.]*\s+install\s+(?P<what>[^\n;&|]*)")
_OPTIONS_WITH_VALUE = frozenset(
    "-r --requirement -c --constraint -i --index-url --extra-index-url -f --find-links -t --target".split()
)
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9.-]*")
_PACKAGES = frozenset(
    "pip setuptools wheel flash-attn xformers bitsandbytes decord opencv-python opencv-python-headless pillow "
    "soundfile librosa sentencepiece protobuf ninja packaging causal-conv1d mamba-ssm triton av moviepy imageio "
    "imageio-ffmpeg qwen-vl-utils open-clip-torch scikit-learn scikit-image python-dotenv pyyaml requests tqdm "
    "regex datasets tokenizers huggingface-hub hf-transfer rdkit biopython fair-esm auto-gptq autoawq gptqmodel "
    "optimum deepspeed spacy nltk jieba kernels".split()
)
"""Packages that models request, in addition to the frameworks whose objects they contain."""
_SHELL_C = re.compile(r"^(?:\S*/)?(?:ba|z|da)?sh -c\s+")
_BREAK = re.compile(r"\|\||&&|[|;&\n]")


def is_usual(text: str, *, shell: bool, script: bool) -> bool:
    """Return whether a command runs only the usual tools of builds; with `script`, also those of scripts."""
    return _runs(_TOOLS | _SCRIPT_TOOLS if script else _TOOLS, text, shell=shell, downloads=script)


def is_handling(text: str, *, shell: bool) -> bool:
    """Return whether a command only lists, unpacks and shows what a script downloaded."""
    return _runs(_SCRIPT_TOOLS, text, shell=shell, downloads=True)


def is_launch(text: str, *, shell: bool) -> bool:
    """Return whether a command runs usual tools, and Python files of the folder, which are examined themselves."""
    if PRIVATE.search(text) or fetches_code(text):
        return False
    pieces = _pieces(text, shell=shell)
    return any(pieces) and all(
        _LAUNCH.match(piece) or is_usual(piece, shell=shell, script=True) for piece in pieces if piece
    )


def fetches_code(text: str) -> bool:
    """Return whether a command downloads what may be a program, which is not examined."""
    return _FETCHES_CODE.search(text) is not None


def fetches_weights(text: str, *, shell: bool) -> bool:
    """Return whether a command only downloads weights and data, but no archives, which may contain code."""
    pieces = _pieces(text, shell=shell)
    return not _ARCHIVED.search(text) and all(_fetches_data(piece) for piece in pieces if fetches_code(piece))


def installs_foreign(text: str) -> bool:
    """Return whether a command installs packages from another place than the usual index and those of frameworks."""
    return _FOREIGN_INDEX.search(text) is not None and _KNOWN_INDEX.search(text) is None


def installs_unknown(text: str) -> bool:
    """Return whether a command installs an unknown package, which anybody may have published."""
    return any(_is_unknown(match["what"].split()) for match in _INSTALLED.finditer(text))


def _is_unknown(words: list[str]) -> bool:
    from scanners.judge.inert_names import FRAMEWORKS

    before = ""
    for word in words:
        name = re.split(r"[\[<>=!~;@]", word.strip("'\""))[0].lower().replace("_", "-")
        known = name in _PACKAGES or name.replace("-", "_") in FRAMEWORKS or name in FRAMEWORKS
        if before not in _OPTIONS_WITH_VALUE and _PACKAGE.fullmatch(name) and not known:
            return True
        before = word
    return False


def from_forges(text: str) -> bool:
    """Return whether all addresses that a command installs from are well-known forges."""
    from scanners.judge.requirements import KNOWN

    addresses = _ADDRESS.findall(text)
    return bool(addresses) and all(KNOWN.match(address) for address in addresses)


def _runs(tools: frozenset[str], text: str, *, shell: bool, downloads: bool) -> bool:
    if PRIVATE.search(text):
        return False
    pieces = _pieces(text, shell=shell)
    return any(pieces) and all(
        _PYTHON_TOOLS.match(piece)
        or _QUERY.fullmatch(piece)
        or (_VERSION_QUERY.fullmatch(piece) and (downloads or "…" not in piece))
        or (downloads and _REMOVAL.fullmatch(piece))
        or piece.partition(" ")[0].rpartition("/")[2] in tools
        or (downloads and _fetches_data(piece))
        for piece in (piece.removeprefix("sudo ") for piece in pieces)
        if piece
    )


def _pieces(text: str, *, shell: bool) -> list[str]:
    """Return the commands of a line, or of the argument of a shell (`sh -c`)."""
    inner = _SHELL_C.sub("", text)
    if inner != text:
        text, shell = inner.strip("\"' "), True
    return [piece.strip() for piece in _BREAK.split(text)] if shell else [text]


def _fetches_data(piece: str) -> bool:
    """Return whether a command only downloads weights or data from a named host."""
    tool, *words = piece.replace("'", "").replace('"', "").split()
    options = _FETCHING_TOOLS.get(tool)
    if options is None or (tool in ("hf", "huggingface-cli") and words[:1] != ["download"]):
        return False
    addresses = [word for word in words if "://" in word]
    return (bool(addresses) or tool not in ("wget", "curl")) and all(
        _FETCHED_DATA.fullmatch(word)
        if "://" in word
        else (options if word.startswith("-") else _DOWNLOAD_WORD).fullmatch(word)
        for word in words
    )
