"""Words that JSON is searched for before it is parsed: signs that it names code or states a licence.

With hyperscan, one pass finds all of them, whichever scanner asks first.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelsweep.core.units import MIB
from scanners.matcher import Database, SoughtPattern, matcher_for
from scanners.parsing.template_names import LEADING
from scanners.parsing.words import Words

TELLING = Words(
    *(b"_target_", b"auto_map", b"trust_remote_code", b"custom_pipelines", b"_internal", b"attn_implementation"),
    *(b'"auto_mapping"', b'"megatron_core"', b'"custom_imports"', b'"object_constructor"', b'"class_path"'),
    *(b"__enum__", b'"py/', b"default_factory_module", b"__kind__", b'"pyref"', b"__instance_type__", b"__nni_type__"),
    *(b"__symbol__", b"sparkVersion", b'"constructor_name"', b'"_component_"', b'"model_file"', b'"backend_path"'),
    *(b"trt_extra_plugin_lib_paths", b"weightsManifest", b":serialized:", b"__nni_obj__", b"CLOUDPICKLE"),
    *(b'"init_parameters"', b"custom_ops_library", b'"nemo_version"', b'"refs"', b'"@class"', b"tree_metadata"),
    *(name.encode() for name in LEADING),
    *(b'"$import ', b'"$from ', b'"$__import__'),
    *(b"chat_template", b"_class_name", b'"idx"', b'"handler"', b"weight_map", b"_name_or_path"),
)
"""Words in keys and values that require a closer look at any configuration."""
COMMANDS = Words(
    *(
        b"/dev/tcp/",
        b"/dev/udp/",
        b"\\/dev\\/tcp",
        b"sh -i",
        b"| bash",
        b"|bash",
        b"| sh",
        b"|sh",
        b"| sudo",
        b"| python",
    ),
    *(
        b"nc -e",
        b"ncat ",
        b"mkfifo ",
        b"socat ",
        b"| base64",
        b"base64 -d",
        b"base64 --decode",
        b"chmod +x",
        b"chmod 7",
    ),
    *(b"<(curl", b"$(curl", b"`curl", b"<(wget", b"$(wget", b"`wget", b"rm -rf /", b"rm -rf ~", b"rm -fr /"),
    *(b"owershell", b"certutil", b"bitsadmin", b"regsvr32", b"rundll32", b"mshta ", b"DownloadString", b"DownloadFile"),
    *(b"xmrig", b"stratum+", b"authorized_keys", b"| nc ", b"id_rsa", b"/etc/shadow", b"/etc/passwd"),
)
"""Words in attack commands."""
CODE = Words(
    *b"os.system os.popen subprocess. eval( exec( pty.spawn builtins. runpy. posix.system".split(),
    *b"pickle.load marshal.load commands.get".split(),
    *(b"ever tell", b"not tell", b"n't tell", b"ever mention", b"not mention", b"n't mention", b"ever inform"),
    *(b"not inform", b"n't inform", b"ithout telling", b"ithout informing", b"ithout mentioning", b"ithout the user"),
)
PRIVATE = Words(
    *b"/etc/ /proc/ /.ssh/ /.aws/ /.netrc /.git-credentials /.kube/ run/secrets/ nemo:.".split(),
    *b"/.pypirc _history /.cache/huggingface/".split(),
)
"""Words in paths that lead to private files, or out of an archive."""
COMPUTED = Words(b'"expr_str"')
"""Key of a computed shape."""
ONNX = Words(b'"opsetImport"', b'"opset_import"', b'"externalData"', b'"external_data"')
"""Keys of an ONNX model."""
LICENCES = Words(b"licen", any_case=True)
_ALL = (TELLING, CODE, COMMANDS, PRIVATE, COMPUTED, ONNX, LICENCES)
_MAX_CACHED = MIB
"""Maximum bytes of JSON that are kept in memory to recognise them."""


def holds(words: Words, data: bytes) -> bool:
    """Return whether `data` contains at least one of `words`, which must be a constant of this module."""
    if not matcher_for.pays:
        return words.are_in(data)
    if _Latest.data is not data:
        found = list[int]()
        WORDS_SOUGHT.scan(data, _note, found)
        _Latest.found = frozenset(_OWNERS[number] for number in found)
        _Latest.data = data if len(data) <= _MAX_CACHED else None
    return words in _Latest.found


class _Latest:
    """Cached result for the last bytes, since several scanners ask about the same ones."""

    data: bytes | None = b""
    found: frozenset[Words] = frozenset()


def _wanted() -> Iterator[SoughtPattern]:
    for words in _ALL:
        for word in words.words:
            literal = b"".join(b"\\x%02x" % byte for byte in word)
            yield SoughtPattern(b"(?i)" + literal if words.any_case else literal)


def _note(number: int, _start: int, _end: int, _flags: int, found: list[int]) -> None:
    found.append(number)


_OWNERS = tuple(words for words in _ALL for _ in words.words)
WORDS_SOUGHT = Database(2, tuple((words.words, words.any_case) for words in _ALL), _wanted)
