"""Classes of .NET objects: what deserializing them can do.

The field `how` of a `dotnet-class` fact tells whether the stream describes the class (`class`), or contains its name in
a `text`. ysoserial.net documents gadget chains that end in a command; an unknown chain consists of classes that no
model needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modelsweep.core.finding import Fact, Finding, Json, Rule, Severity
from modelsweep.core.options import Options
from scanners.judge.allowed import is_allowed

_YSOSERIAL = "https://github.com/pwntester/ysoserial.net"
_MICROSOFT = "https://learn.microsoft.com/dotnet/standard/serialization/binaryformatter-security-guide"
_FIX = "Do not read the file with .NET. Find out where it came from."
_NAMES_SHOWN = 5

DANGEROUS = Rule(
    id="dotnet/dangerous-class",
    title=".NET objects of a class that is used to reach command execution",
    severity=Severity.CRITICAL,
    message="reading it would use {subject} ({family})",
    why="BinaryFormatter creates the objects that a stream names, and runs the code that creating them triggers. This "
    "class is known to call methods, load code or read objects that the stream chooses, and no model needs it.",
    fix=_FIX,
    cwe=502,
    references=(_YSOSERIAL, _MICROSOFT),
)
UNKNOWN = Rule(
    id="dotnet/unknown-class",
    title=".NET objects of a class not known to be harmless",
    severity=Severity.WARNING,
    message="reading the objects would use {count} unknown class(es) from {subject}: {names}",
    why="What a class does when its objects are created is not in the file, but on the machine that reads it.",
    fix="If the classes are yours, allow them with --allow-import 'NAMESPACE.*'. Otherwise have the model saved in a "
    "format without classes, such as ONNX.",
    confidence="medium",
    cwe=502,
    references=(_MICROSOFT,),
)
KINDS = frozenset({"dotnet-class"})
RULES = (DANGEROUS, UNKNOWN)

_FAMILIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "command or code execution",
        (
            *("System.Diagnostics.Process", "System.Diagnostics.ProcessStartInfo", "System.Reflection.Assembly"),
            *("System.Windows.Data.ObjectDataProvider", "System.Windows.ResourceDictionary", "System.Windows.Markup."),
            *("Microsoft.VisualStudio.Text.Formatting.", "System.Workflow.ComponentModel.", "System.Activities."),
            *("System.Configuration.Install.", "System.Management.Automation.", "System.CodeDom.Compiler."),
            *("System.AppDomain", "System.Activator", "System.Reflection.Emit.", "Microsoft.PowerShell."),
            *("System.Xml.Xsl.", "Microsoft.CodeAnalysis.CSharp.Scripting.", "System.Web.UI.MobileControls."),
        ),
    ),
    (
        "calls of methods by name",
        (
            *("System.DelegateSerializationHolder", "System.Collections.Generic.ComparisonComparer"),
            *("System.Reflection.MemberInfoSerializationHolder", "System.Windows.Forms.AxHost", "System.Func"),
            *("System.Action", "System.Comparison", "System.MulticastDelegate", "System.Delegate"),
            *("System.Windows.Forms.BindingSource", "System.ComponentModel.Design.", "System.Drawing.Design."),
            *(
                "System.Resources.ResXFileRef",
                "System.Runtime.Remoting.",
                "System.Management.IWbemClassObjectFreeThreaded",
            ),
        ),
    ),
    (
        "objects inside objects, read without a check",
        (
            *("System.Security.Principal.Windows", "System.Security.Claims.", "System.Web.Security.", "System.Web.UI."),
            *("System.IdentityModel.", "Microsoft.IdentityModel.", "System.Data.DataSet", "System.Data.DataTable"),
            *("System.Runtime.Serialization.Formatters.", "System.Messaging.", "System.Data.Services."),
            *("System.Resources.ResourceSet", "System.Resources.ResourceReader"),
        ),
    ),
)
_HARMLESS = (
    *("System.Collections.", "System.Numerics.", "System.Globalization.", "System.Text.", "System.Drawing.Color"),
    # Learners and numbers
    *("Accord.", "AForge.", "Microsoft.ML.", "MathNet.Numerics.", "Encog.", "SharpLearning.", "numl.", "CNTK."),
    *(
        "NeuronDotNet.",
        "Catalyst.",
        "LibSVMsharp.",
        "libsvm.",
        "XGBoost.",
        "LightGBMNet.",
        "Meta.Numerics.",
        "OpenCvSharp.",
    ),
)
_VALUES = frozenset(
    f"System.{name}"
    for name in (
        "Array Boolean Byte Char CultureAwareComparer DBNull DateTime DateTimeOffset DayOfWeek Decimal Double Enum "
        "Exception Guid Half ICloneable IComparable IDisposable Int16 Int32 Int64 IntPtr Lazy Nullable Object "
        "OrdinalComparer Random SByte Single String StringComparer StringComparison TimeSpan TimeZoneInfo Tuple UInt16 "
        "UInt32 UInt64 UIntPtr UnitySerializationHolder Uri ValueTuple ValueType Version"
    ).split()
)


def findings(facts: Sequence[Fact], options: Options) -> Iterator[Finding]:
    """Yield classes that are known to be dangerous, and unknown classes by namespace."""
    unknown: dict[tuple[object, str], list[Fact]] = {}
    for fact in facts:
        if is_allowed(fact.value, options):
            continue
        danger = _family(fact.value)
        if danger:
            yield Finding(DANGEROUS, fact.locator, fact.value, span=fact.span, evidence={"family": danger})
        elif fact.detail["how"] == "class" and not _is_harmless(fact.value):
            unknown.setdefault((fact.locator, fact.value.partition(".")[0]), []).append(fact)
    for (_, space), members in unknown.items():
        names = sorted({fact.value for fact in members})
        shown = ", ".join(names[:_NAMES_SHOWN]) + (", …" if len(names) > _NAMES_SHOWN else "")
        evidence: dict[str, Json] = {"count": len(names), "names": shown}
        yield Finding(UNKNOWN, members[0].locator, space, span=members[0].span, evidence=evidence)


def _family(name: str) -> str:
    return next((family for family, listed in _FAMILIES if any(_is_of(name, each) for each in listed)), "")


def _is_of(name: str, listed: str) -> bool:
    """Return whether a class is `listed`, begins with it, or is in that namespace (which ends with a dot)."""
    if not name.startswith(listed):
        return False
    return listed[-1] == "." or name == listed or not name[len(listed)].islower()


def _is_harmless(name: str) -> bool:
    plain = name.partition("+")[0]
    return plain in _VALUES or any(plain.startswith(each) for each in _HARMLESS)
