"""Java's objects as ObjectOutputStream writes them: models, chains of classes that end in a command, look-alikes."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable

from modelsweep.core.options import Options
from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.payload import gzipped
from tests.scanners.pickle import assembler

HEADER, NULL, END = b"\xac\xed\x00\x05", b"\x70", b"\x78"
SERIALIZABLE, WRITES, EXTERNAL = 2, 3, 12
TRANSFORMER = "org.apache.commons.collections.functors.InvokerTransformer"


def utf(text: str) -> bytes:
    """Return characters behind their length."""
    return struct.pack(">H", len(text.encode())) + text.encode()


def string(text: str) -> bytes:
    """Return a text."""
    return b"\x74" + utf(text)


def described(name: str, fields: tuple[str, ...] = (), parent: bytes = NULL, flags: int = SERIALIZABLE) -> bytes:
    """Return the description of a class; a field is the letter of a number, or `L` with the type of an object."""
    written = b"".join(
        field[:1].encode() + utf(f"f{number}") + (string(field) if field[0] in "L[" else b"")
        for number, field in enumerate(fields)
    )
    return b"\x72" + utf(name) + bytes(7) + b"\x01" + struct.pack(">BH", flags, len(fields)) + written + END + parent


def instance(name: str, fields: tuple[str, ...] = (), content: bytes = b"", flags: int = SERIALIZABLE) -> bytes:
    """Return an object with what its fields hold."""
    return b"\x73" + described(name, fields, flags=flags) + content


def array(name: str, length: int, content: bytes) -> bytes:
    """Return an array."""
    return b"\x75" + described(name) + struct.pack(">i", length) + content


def data(content: bytes) -> bytes:
    """Return a block of data."""
    return b"\x77" + bytes([len(content)]) + content


def bytes_of(content: bytes) -> bytes:
    """Return an array of bytes."""
    return array("[B", len(content), content)


def objects(*items: bytes) -> bytes:
    """Return an array of objects."""
    return array("[Ljava.lang.Object;", len(items), b"".join(items))


def reference(number: int) -> bytes:
    """Return a reference to what was numbered so."""
    return b"\x71" + struct.pack(">I", 0x7E0000 + number)


def saved(*items: bytes) -> bytes:
    """Return a stream of objects."""
    return HEADER + b"".join(items)


def table(key: bytes, value: bytes = NULL) -> bytes:
    """Return a HashMap with one entry."""
    return instance("java.util.HashMap", ("F", "I"), bytes(8) + data(bytes(8)) + key + value + END, WRITES)


def tree() -> bytes:
    """Return what Weka writes of a tree: the classifier, the header of its data, numbers and texts of all kinds."""
    weights = array("[D", 3, struct.pack(">3d", 1, 2, 3))
    names = instance(
        "java.util.ArrayList", ("I",), bytes(4) + data(bytes(4)) + string("x") + reference(5) + END, WRITES
    )
    inner = described("weka.classifiers.AbstractClassifier", ("Z", "I"))
    model = (
        b"\x73" + described("weka.classifiers.trees.J48", ("D", "[D", "Lx;"), inner) + bytes(5 + 8) + weights + names
    )
    state = b"\x7e" + described("java.lang.Thread$State", parent=described("java.lang.Enum")) + string("NEW")
    return saved(model, data(b"\0\0\0\5"), NULL, b"\x79", state, b"\x7c" + struct.pack(">q", 70_000) + b"s" * 70_000)


def proxy(*interfaces: str, handler: str) -> bytes:
    """Return a proxy whose calls go to an object of the class `handler`."""
    listed = struct.pack(">i", len(interfaces)) + b"".join(map(utf, interfaces))
    above = described("java.lang.reflect.Proxy", ("Ljava/lang/reflect/InvocationHandler;",))
    return b"\x73\x7d" + listed + END + above + instance(handler)


def invoker(*, fields: bool = True) -> bytes:
    """Return an object that calls a method by its name."""
    names = ("[Ljava/lang/Object;", "Ljava/lang/String;")
    content = objects(string("echo modelsweep-test")) + string("exec")
    return instance(TRANSFORMER, names if fields else (), content if fields else b"")


def inside(name: str, content: bytes) -> bytes:
    """Return a zip with one member."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), content)
    return stream.getvalue()


def case(
    build: Callable[[], bytes], verdict: Verdict, name: str = "model.ser", cut_is_clean: bool = False, allow: str = ""
) -> Case:
    """Return the case of a file."""
    options = Options(allow_imports=(allow,)) if allow else Options()
    return Case(build, name, verdict, options, cut_is_clean)


COMPILED = b"\xca\xfe\xba\xbe\0\0\0\x34" + bytes(40)

CASES = {
    "benign_tree": case(tree, Verdict.CLEAN, "J48.model", cut_is_clean=True),
    "benign_gzip": case(lambda: gzipped(saved(table(string("a")))), Verdict.CLEAN, "english.ser.gz"),
    "benign_zip": case(
        lambda: inside("preprocessor.bin", saved(instance("org.nd4j.linalg.Normalizer"))), Verdict.CLEAN, "net.zip"
    ),
    "benign_external": case(
        lambda: saved(instance("java.time.Ser", content=data(b"\3") + END, flags=EXTERNAL)), Verdict.CLEAN
    ),
    # A class that writes no fields although it has some, which only its own method reads
    "benign_fields_left_out": case(
        lambda: saved(
            instance("scala.collection.immutable.$colon$colon", ("Lx;", "Ly;"), data(b"\1") + END, flags=WRITES)
        ),
        Verdict.CLEAN,
    ),
    "benign_lambda": case(
        lambda: saved(instance("java.lang.invoke.SerializedLambda", ("L1;",), b"\x76" + described("smile.math.Math"))),
        Verdict.CLEAN,
    ),
    "benign_failure": case(lambda: saved(instance("java.lang.RuntimeException", ("L1;",), NULL)), Verdict.CLEAN),
    "benign_text_about_it": case(
        lambda: saved(string(f"no {TRANSFORMER} here"), string("exec")), Verdict.CLEAN, cut_is_clean=True
    ),
    "benign_own_class": case(
        lambda: saved(instance("com.acme.Model", ("D",), bytes(8))), Verdict.CLEAN, allow="com.acme.*"
    ),
    "unknown_class": case(lambda: saved(instance("com.acme.Model", ("D",), bytes(8))), Verdict.REVIEW),
    "script": case(lambda: saved(instance("weka.classifiers.pyscript.PyScriptClassifier")), Verdict.REVIEW),
    "invoker": case(lambda: saved(table(invoker())), Verdict.MALICIOUS, "J48.model"),
    "invoker_under_a_classifier": case(
        lambda: saved(
            b"\x73" + described("weka.classifiers.trees.J48", ("Lx;",)) + table(invoker()), instance("weka.core.Range")
        ),
        Verdict.MALICIOUS,
        "J48.model",
    ),
    "invoker_gzip": case(lambda: gzipped(saved(invoker())), Verdict.MALICIOUS, "english.ser.gz"),
    "invoker_zip": case(lambda: inside("preprocessor.bin", saved(invoker())), Verdict.MALICIOUS, "net.zip"),
    "invoker_in_bytes": case(
        lambda: saved(instance("java.security.SignedObject", ("[B",), bytes_of(saved(invoker())))), Verdict.MALICIOUS
    ),
    "invoker_then_damage": case(lambda: saved(invoker(), b"\0\0\0"), Verdict.MALICIOUS),
    # What an odd class wrote ends our reading, not that of its own method
    "invoker_behind_odd_data": case(
        lambda: saved(instance("java.util.Odd", content=bytes(9), flags=4), table(invoker())), Verdict.MALICIOUS
    ),
    "invoker_in_annotation": case(
        lambda: saved(b"\x73" + described("java.util.Date").replace(END, invoker() + END, 1)), Verdict.MALICIOUS
    ),
    "runtime_by_class": case(
        lambda: saved(objects(b"\x76" + described("java.lang.Runtime", flags=0))), Verdict.MALICIOUS
    ),
    "runtime_by_text": case(
        lambda: saved(instance("java.util.A", ("L1;",), string("java.lang.Runtime"))), Verdict.MALICIOUS
    ),
    "bean": case(lambda: saved(instance("com.sun.rowset.JdbcRowSetImpl")), Verdict.MALICIOUS),
    "class_in_bytes": case(
        lambda: saved(instance("java.util.A", ("[[B",), array("[[B", 1, bytes_of(COMPILED)))), Verdict.MALICIOUS
    ),
    "pickle_in_bytes": case(
        lambda: saved(bytes_of(assembler.proto(4) + assembler.EVIL + assembler.STOP)),
        Verdict.MALICIOUS,
    ),
    "proxy": case(lambda: saved(proxy("java.util.Map", handler="com.acme.Handler")), Verdict.REVIEW),
    "proxy_of_annotations": case(
        lambda: saved(proxy("java.util.Map", handler="sun.reflect.annotation.AnnotationInvocationHandler")),
        Verdict.MALICIOUS,
    ),
    "address": case(
        lambda: saved(table(instance("java.net.URL", ("I", "I", "L1;"), bytes(8) + string("modelsweep.invalid")))),
        Verdict.REVIEW,
    ),
    "deep": case(
        lambda: saved(objects()[:-4] + (struct.pack(">i", 1) + b"\x75" + reference(0)) * 5_000 + bytes(4)),
        Verdict.CLEAN,
    ),
    "above_itself": case(lambda: saved(b"\x73" + described("java.util.A", parent=reference(0))), Verdict.NOT_SCANNED),
    "wrong_reference": case(lambda: saved(objects(reference(99))), Verdict.NOT_SCANNED),
    "huge_array": case(lambda: saved(array("[D", 1 << 30, bytes(8))), Verdict.NOT_SCANNED),
    "nothing": case(lambda: HEADER, Verdict.NOT_SCANNED),
}
