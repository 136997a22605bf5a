"""Java objects as XML: models as XStream writes them, documents for XMLDecoder, and XML that is neither."""

from __future__ import annotations

from modelsweep.core.report import Verdict
from tests.scanners.case import Case

DECODER = '<?xml version="1.0" encoding="UTF-8"?>\n<java version="17.0.15" class="java.beans.XMLDecoder">{}</java>\n'
COMMAND = (
    '<array class="java.lang.String" length="1"><void index="0"><string>echo modelsweep-test</string></void></array>'
)
PROXY = """<tree-map><entry><dynamic-proxy><interface>java.lang.Comparable</interface>
 <handler class="java.beans.EventHandler"><target class="java.lang.ProcessBuilder">
 <command><string>echo</string></command></target><action>start</action></handler></dynamic-proxy>
 <string>x</string></entry></tree-map>"""
TREE = """<?xml version="1.0" encoding="UTF-8"?>
<weka.classifiers.trees.J48>
  <m__reducedErrorPruning>false</m__reducedErrorPruning>
  <m__root><m__localModel class="weka.classifiers.trees.j48.C45Split"/><m__sons class="java.util.ArrayList"/>
  <m__random serialization="custom"><java.util.Random><default/></java.util.Random></m__random></m__root>
</weka.classifiers.trees.J48>
"""
QUEUE = """<java.util.PriorityQueue serialization="custom"><unserializable-parents/><java.util.PriorityQueue><default>
 <comparator class="org.apache.commons.collections4.comparators.TransformingComparator"><transformer
 class="org.apache.commons.collections4.functors.InvokerTransformer"/></comparator></default></java.util.PriorityQueue>
</java.util.PriorityQueue>"""
EXPERIMENT = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE object [<!ELEMENT object (#PCDATA | object)*><!ATTLIST object name CDATA #REQUIRED>]>
<object class="weka.experiment.Experiment" name="__root__" version="3.9.6">
 <object class="{}" name="x"/></object>
"""
SPRING = """<?xml version="1.0"?><beans><bean id="a" class="org.springframework.beans.factory.config.X"/>
 <appender name="console" class="ch.qos.logback.core.ConsoleAppender"/></beans>"""


def case(text: str, verdict: Verdict, name: str = "model.xml", encoding: str = "utf-8") -> Case:
    """Return the case of a document."""
    return Case(lambda: text.rstrip().encode(encoding), name, verdict)


LAYOUT = """<?xml version="1.0" encoding="utf-8"?>
<LinearLayout xmlns:android="http://schemas.android.com/apk/res/android">
    <com.google.android.material.divider.MaterialDivider android:layout_width="2dp"/></LinearLayout>"""
FEATURES = '<featureGenerators cache="true"><generator class="{}"/></featureGenerators>\n'
"""What a model of OpenNLP says of its features."""
CASES = {
    "benign_tree": case(TREE, Verdict.CLEAN),
    "experiment_that_loads": case(EXPERIMENT.format("weka.classifiers.misc.SerializedClassifier"), Verdict.REVIEW),
    "benign_experiment": case(EXPERIMENT.format("weka.classifiers.rules.ZeroR"), Verdict.CLEAN),
    "benign_decoder": case(
        DECODER.format('<object class="java.util.ArrayList"><void method="add"><string>a</string></void></object>'),
        Verdict.CLEAN,
    ),
    "benign_configuration": case(SPRING, Verdict.CLEAN),
    "benign_drawing": case(
        '<svg xmlns="http://www.w3.org/2000/svg" class="org.icon"><path d="M0 0"/></svg>', Verdict.CLEAN
    ),
    "decoder_runs": case(
        DECODER.format(f'<object class="java.lang.ProcessBuilder">{COMMAND}<void method="start"/></object>'),
        Verdict.MALICIOUS,
    ),
    "decoder_runs_in_utf16": case(
        DECODER.replace("UTF-8", "UTF-16").format('<object class="java.lang.Runtime" method="getRuntime"/>'),
        Verdict.MALICIOUS,
        encoding="utf-16",
    ),
    "decoder_runs_behind_an_instruction": case(f"<?note {'x' * 5_000}?>" + QUEUE, Verdict.MALICIOUS),
    "decoder_runs_then_damage": case(DECODER.format('<object class="java.lang.ProcessBuilder"/><<'), Verdict.MALICIOUS),
    "decoder_by_text": case(DECODER.format("<class>java.lang.Runtime</class>"), Verdict.MALICIOUS),
    "decoder_writes": case(
        DECODER.format('<object class="java.io.PrintWriter"><string>/tmp/x</string></object>'), Verdict.REVIEW
    ),
    "decoder_of_a_stranger": case(DECODER.format('<object class="com.acme.Loader"/>'), Verdict.REVIEW),
    "proxy": case(PROXY, Verdict.MALICIOUS),
    "queue": case(QUEUE, Verdict.MALICIOUS),
    "experiment_runs": case(EXPERIMENT.format("javax.script.ScriptEngineManager"), Verdict.MALICIOUS),
    "stranger": case(TREE.replace("weka.classifiers.trees.j48", "com.acme"), Verdict.REVIEW),
    "entity": case(
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hosts">]>\n' + QUEUE.replace("<default>", "<default>&x;"),
        Verdict.MALICIOUS,
    ),
    "generator_of_a_stranger": case(FEATURES.format("com.acme.Generator"), Verdict.REVIEW, "generator.featuregen"),
    "generator_runs": case(FEATURES.format("com.sun.rowset.JdbcRowSetImpl"), Verdict.MALICIOUS, "generator.featuregen"),
    "benign_generator": case(
        FEATURES.format("opennlp.tools.util.featuregen.TokenFeatureGeneratorFactory"),
        Verdict.CLEAN,
        "generator.featuregen",
    ),
    "benign_layout": case(LAYOUT, Verdict.CLEAN, "activity_main.xml"),
    "layout_with_a_chain": case(LAYOUT.replace("</L", QUEUE + "</L"), Verdict.MALICIOUS, "activity_main.xml"),
}
