"""Classes of Java objects: what deserializing them can do.

The field `how` of a `java-class` fact tells whether the file describes the class (`class`), refers to it as a value
(`reference`), creates a proxy with that `interface`, contains its name in a `text`, has it `named` by a JSON key (only
known chains are reported then), or has it `made` by constructors and methods that it names too. ysoserial and
marshalsec document gadget chains that end in a command; an unknown chain consists of classes of packages that no model
needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from modelsweep.core.finding import Fact, Finding, Json, Rule, Severity
from modelsweep.core.options import Options
from scanners.judge.allowed import is_allowed

_YSOSERIAL = "https://github.com/frohoff/ysoserial"
_MARSHALSEC = "https://github.com/mbechler/marshalsec"
_ORACLE = "https://docs.oracle.com/en/java/javase/17/core/serialization-filtering1.html"
_NAMES_SHOWN = 5
_FIX = "Do not read the file with Java. Find out where it came from."

DANGEROUS = Rule(
    id="java/dangerous-class",
    title="Java objects of a class that is used to reach command execution",
    severity=Severity.CRITICAL,
    message="reading it would use {subject} ({family})",
    why="Java creates the objects that a stream names, and runs the code of their classes while it reads them. This "
    "class is known to call methods, load code or ask a server for objects that the stream chooses, and no model needs "
    "it.",
    fix=_FIX,
    cwe=502,
    references=(_YSOSERIAL, _MARSHALSEC, _ORACLE),
)
SCRIPT = Rule(
    id="java/script-class",
    title="Objects that pass text from the file to an interpreter",
    severity=Severity.WARNING,
    message="{subject} runs code that the file holds",
    why="The class stores a script, or a model in another language, and runs it when the model is used.",
    fix="Read the script before you use the model, or have the model trained with a class that needs none.",
    confidence="medium",
    cwe=94,
    references=("https://waikato.github.io/weka-wiki/",),
)
PROXY = Rule(
    id="java/proxy",
    title="Object that stands in for any interface",
    severity=Severity.WARNING,
    message="the objects create a proxy for {subject}",
    why="Each call of the interface goes to a handler that the stream chooses. Exploits begin with that, since it "
    "turns a harmless call, such as a comparison, into any other.",
    fix=_FIX,
    confidence="medium",
    cwe=502,
    references=(_YSOSERIAL,),
)
LOADS = Rule(
    id="java/loads-another-model",
    title="Objects that read another serialized model when they are used",
    severity=Severity.WARNING,
    message="{subject} reads objects from another file",
    why="The class stores the path of a model, and deserializes whatever is there when the model is used.",
    fix="Scan the model that it names, or have everything trained into one file.",
    confidence="medium",
    cwe=502,
    references=("https://waikato.github.io/weka-wiki/", _ORACLE),
)
ADDRESS = Rule(
    id="java/address",
    title="Address among the objects",
    severity=Severity.WARNING,
    message="the objects hold {subject}",
    why="As the key of a map it is looked up as soon as it is read, which tells its owner who read the file.",
    fix="Ask the author of the model what the address is for.",
    confidence="medium",
    cwe=918,
    references=(_YSOSERIAL,),
)
ACCESS = Rule(
    id="java/file-or-network-access",
    title="Document that makes Java open files or addresses",
    severity=Severity.WARNING,
    message="reading the document would make {subject}",
    why="XMLDecoder calls the constructors and methods that a document names while it reads the document. This class "
    "opens, writes or removes files, or contacts addresses.",
    fix=_FIX,
    cwe=502,
    references=("https://docs.oracle.com/en/java/javase/17/docs/api/java.desktop/java/beans/XMLDecoder.html",),
)
UNKNOWN = Rule(
    id="java/unknown-class",
    title="Java objects from a package not known to be harmless",
    severity=Severity.WARNING,
    message="reading the objects would use {count} unknown class(es) from the package {subject}: {names}",
    why="What a class does when its objects are read is not in the file, but on the machine that reads it.",
    fix="If the package is yours, allow it with --allow-import 'PACKAGE.*'. Otherwise read the file with a filter that "
    "lists the classes a model needs.",
    confidence="medium",
    cwe=502,
    references=(_ORACLE,),
)
KINDS = frozenset({"java-class"})
RULES = (DANGEROUS, SCRIPT, LOADS, PROXY, ADDRESS, ACCESS, UNKNOWN)

_COLLECTIONS = ("org.apache.commons.collections.functors.", "org.apache.commons.collections4.functors.")
_CALLING = ("InvokerTransformer", "InstantiateTransformer", "InstantiateFactory", "PrototypeFactory")
_FAMILIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "command or code execution",
        (
            *("java.lang.Runtime", "java.lang.Process", "java.lang.ProcessBuilder", "java.lang.ClassLoader"),
            *("java.net.URLClassLoader", "groovy.lang.GroovyShell", "groovy.util.Expando", "bsh.", "org.python.core."),
            *("javax.script.", "jdk.nashorn.", "jdk.jshell.", "javax.tools.", "javax.el.", "com.sun.el."),
            *("com.sun.org.apache.xalan.", "org.apache.xalan.", "com.sun.org.apache.bcel.", "org.apache.bcel."),
            *("com.sun.org.apache.xpath.", "org.codehaus.groovy.runtime.ConvertedClosure", "clojure.inspector."),
            *("org.codehaus.groovy.runtime.MethodClosure", "clojure.core", "clojure.main", "org.jruby."),
            *("org.mozilla.javascript.", "org.apache.velocity.", "freemarker.", "org.apache.el."),
            *(
                "ognl.",
                "org.mvel2.",
                "org.springframework.expression.",
                "javassist.",
                "org.springframework.context.support.",
                "org.apache.commons.jelly.",
            ),
        ),
    ),
    (
        "calls of methods by name",
        (
            *(f"{package}{name}" for package in _COLLECTIONS for name in _CALLING),
            *("java.lang.reflect.Method", "java.lang.reflect.Constructor", "java.lang.invoke.MethodHandle"),
            *("sun.reflect.", "java.beans.EventHandler", "java.beans.Expression", "java.beans.Statement"),
            *("sun.swing.", "javax.swing.UIDefaults", "org.apache.commons.beanutils.", "com.sun.syndication."),
            *("com.rometools.rome.feed.impl.", "org.hibernate.", "org.jboss.interceptor.", "org.jboss.weld."),
            *("org.springframework.aop.", "org.springframework.beans.factory.", "com.vaadin.data.util."),
            *("org.springframework.core.SerializableTypeWrapper", "org.apache.click.control.", "org.apache.myfaces."),
            *("net.sf.json.", "org.apache.wicket.util.upload.", "org.apache.commons.fileupload."),
            *("org.aspectj.weaver.", "com.sun.corba."),
        ),
    ),
    (
        "objects from a server",
        (
            *("java.rmi.", "sun.rmi.", "javax.rmi.", "javax.naming.", "com.sun.jndi.", "com.sun.rowset."),
            *("javax.management.", "com.mchange.v2.", "org.apache.commons.dbcp.", "org.apache.commons.dbcp2."),
            *("ch.qos.logback.core.db.", "org.apache.xbean.naming.", "org.apache.tomcat.dbcp.", "weblogic."),
            *(
                "org.springframework.transaction.jta.",
                "org.springframework.jndi.",
                "com.zaxxer.hikari.",
                "com.caucho.naming.",
            ),
        ),
    ),
)
_SCRIPTS = (
    *("weka.core.scripting.", "weka.classifiers.pyscript.", "weka.filters.pyscript.", "weka.python."),
    *("weka.classifiers.sklearn.", "weka.clusterers.pyscript.", "weka.classifiers.mlr."),
)
_LOADERS = ("weka.classifiers.misc.SerializedClassifier", "weka.clusterers.SerializedClusterer")
_OPENS = (
    *("java.io.FileOutputStream", "java.io.FileInputStream", "java.io.FileWriter", "java.io.FileReader"),
    *("java.io.PrintWriter", "java.io.PrintStream", "java.io.RandomAccessFile", "java.nio.file.", "java.net."),
    *("java.util.Scanner", "java.lang.Class", "java.lang.Thread", "java.lang.System", "java.util.Formatter"),
)
"""Classes that XMLDecoder instantiates, or whose static methods it calls."""
_ADDRESSES = ("java.net.URL", "java.net.InetSocketAddress")
_NOT_DATA = ("scala.sys.", "scala.tools.", "scala.reflect.", "scala.collection.immutable.LazyList")
"""Parts of the packages below that are more than data."""
_LANGUAGE = (
    *("java.lang.", "java.util.", "java.math.", "java.time.", "java.text.", "java.nio.", "java.io.", "java.awt."),
    *("java.sql.Date", "java.sql.Time", "java.sql.Timestamp", "java.net.URI", "java.net.InetAddress", "scala."),
    *("javax.swing.DefaultListModel", "javax.swing.AbstractListModel", "javax.swing.event.", "javax.swing.table."),
    *("javax.swing.tree.", "kotlin."),
)
_LIBRARIES = (
    # Learners and language processing
    *("weka.", "moa.", "meka.", "mulan.", "com.yahoo.labs.samoa.", "org.encog.", "org.neuroph.", "jsat.", "smile."),
    *("org.tribuo.", "cc.mallet.", "opennlp.", "edu.stanford.nlp.", "edu.berkeley.nlp.", "edu.illinois.cs."),
    *("edu.emory.", "com.clearnlp.", "org.maltparser.", "is2.", "marmot.", "gate.", "net.sf.javaml."),
    *("com.rapidminer.", "org.knime.", "de.lmu.ifi.dbs.elki.", "org.apache.mahout.", "libsvm.", "liblinear."),
    *("de.bwaldvogel.liblinear.", "hex.", "water.", "ml.dmlc.xgboost4j.", "org.deeplearning4j.", "org.nd4j."),
    *("org.datavec.", "org.jpmml.", "org.dmg.pmml.", "org.apache.spark.ml.", "org.apache.spark.mllib."),
    *("org.apache.spark.sql.types.", "ml.combust.", "ai.djl.", "com.microsoft.ml.spark.", "LBJ2.", "quickml."),
    # Collections and numbers
    *("gnu.trove.", "it.unimi.dsi.fastutil.", "com.carrotsearch.hppc.", "no.uib.cipr.matrix.", "org.ejml."),
    *(
        "cern.colt.",
        "cern.jet.",
        "breeze.",
        "org.apache.commons.math.",
        "org.apache.commons.math3.",
        "com.google.common.collect.",
    ),
    *("com.google.common.base.", "org.apache.commons.lang3.", "org.jblas.", "Jama."),
)
_HARMLESS = (*_LANGUAGE, *_LIBRARIES)


def findings(facts: Sequence[Fact], options: Options) -> Iterator[Finding]:
    """Yield classes that are known to be dangerous, and unknown classes by package."""
    unknown: dict[tuple[object, str], list[Fact]] = {}
    for fact in facts:
        name, how = fact.value, fact.detail["how"]
        if is_allowed(name, options):
            continue
        danger = _family(name)
        if danger:
            yield Finding(DANGEROUS, fact.locator, name, span=fact.span, evidence={"family": danger})
        elif how == "interface":
            yield Finding(PROXY, fact.locator, name, span=fact.span)
        elif how == "made" and _is_of(name, _OPENS):
            yield Finding(ACCESS, fact.locator, name, span=fact.span)
        elif name in _LOADERS or _is_of(name, _SCRIPTS):
            yield Finding(LOADS if name in _LOADERS else SCRIPT, fact.locator, name, span=fact.span)
        elif name in _ADDRESSES:
            yield Finding(ADDRESS, fact.locator, name, span=fact.span)
        elif how != "named" and (_is_of(name, _NOT_DATA) or not _is_of(name, _HARMLESS)):
            unknown.setdefault((fact.locator, _package(name)), []).append(fact)
    for (_, package), members in unknown.items():
        yield _unknown(package, members)


def _family(name: str) -> str:
    return next((family for family, listed in _FAMILIES if _is_of(name, listed)), "")


def _is_of(name: str, listed: tuple[str, ...]) -> bool:
    """Return whether a class, its enclosing class, or its package (which ends with a dot) is listed."""
    return name.startswith(listed) and (name.partition("$")[0] in listed or name.startswith(_packages(listed)))


@lru_cache(16)
def _packages(listed: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(each for each in listed if each.endswith("."))


def _package(name: str) -> str:
    """Return the first two parts of a package, such as `com.acme`, which identify its owner."""
    parts = name.split(".")[:-1]
    return ".".join(parts[:2]) or "without a name"


def _unknown(package: str, members: list[Fact]) -> Finding:
    names = sorted({fact.value for fact in members})
    shown = ", ".join(names[:_NAMES_SHOWN]) + (", …" if len(names) > _NAMES_SHOWN else "")
    evidence: dict[str, Json] = {"count": len(names), "names": shown}
    return Finding(UNKNOWN, members[0].locator, package, span=members[0].span, evidence=evidence)
