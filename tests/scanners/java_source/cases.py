"""Java as source: models that only compute, models that do more, and programs beside them."""

from __future__ import annotations

from modelsweep.core.report import Verdict
from tests.scanners.case import Case

POJO = """import java.util.Map;
import hex.genmodel.GenModel;
import hex.genmodel.annotations.ModelPojo;

// To compile: javac -cp h2o-genmodel.jar -J-Xmx2g Gbm.java, then java -Runtime.getRuntime().exec is not here
@ModelPojo(name="Gbm", algorithm="gbm")
public class Gbm extends GenModel {
  public hex.ModelCategory getModelCategory() { return hex.ModelCategory.Binomial; }
  /* Runtime.getRuntime().exec("none") stands in a comment */
  static final String NOTE = "new ProcessBuilder(\\"x\\")";
  static final double score0(double[] data) {
    double pred = (data[1] < 2.5f ? (data[0] < 0.5f ? -0.1f : 0.2f) : 0.3f);
    return pred;
  }
  public final double[] score0(double[] data, double[] preds) { preds[0] = score0(data); BODY return preds; }
}
"""
TRANSLATOR = """import ai.djl.translate.*;
public class MyTranslator implements Translator<Input, Output> {
  public NDList processInput(TranslatorContext ctx, Input input) { BODY return new NDList(); }
}
"""
PROGRAM = "public class Demo { public static void main(String[] args) throws Exception { BODY } }\n"
EXEC = 'Runtime.getRuntime().exec("echo modelsweep-test");'


def case(source: str, body: str, verdict: Verdict, name: str = "Gbm.java") -> Case:
    """Return the case of a source, of which a shorter one may be clean."""
    return Case(source.replace("BODY", body).encode, name, verdict, cut_is_clean=True)


def evil(body: str) -> Case:
    """Return the case of a model that does more than compute."""
    return case(POJO, body, Verdict.MALICIOUS)


DJL = "model/libs/classes/MyTranslator.java"
CASES = {
    "benign": case(POJO, "", Verdict.CLEAN),
    "benign_translator": case(TRANSLATOR, "", Verdict.CLEAN, DJL),
    "benign_program": case(PROGRAM, "", Verdict.CLEAN, "Demo.java"),
    "benign_loads_model": case(PROGRAM, "EasyPredictModelWrapper m = load(Class.class);", Verdict.CLEAN, "Demo.java"),
    "program_that_runs": case(PROGRAM, 'new ProcessBuilder("ls").start();', Verdict.CLEAN, "Demo.java"),
    "evil_command": evil(EXEC),
    "evil_command_spread": evil('Runtime\n . getRuntime ( )\n . exec("echo modelsweep-test");'),
    "evil_command_escaped": evil('\\u0052untime.getRuntime().exec("echo modelsweep-test");'),
    "evil_process_escaped": evil('new \\uu0050rocess\\u0042uilder("echo", "modelsweep-test").start();'),
    "evil_process": evil('new java.lang.ProcessBuilder("echo", "modelsweep-test").start();'),
    "evil_script": evil('new javax.script.ScriptEngineManager().getEngineByName("js").eval("1");'),
    "evil_class_loader": evil("new java.net.URLClassLoader(urls).loadClass(name);"),
    "evil_native": evil('System.load("/tmp/modelsweep-test.so");'),
    "evil_reflection": evil('Class.forName("java.lang.Run" + "time").getMethods();'),
    "evil_objects": evil("new java.io.ObjectInputStream(in).readObject();"),
    "evil_translator": case(TRANSLATOR, EXEC, Verdict.MALICIOUS, DJL),
    "reaches_out": case(POJO, 'new java.net.URL("http://acme.example/").openStream();', Verdict.REVIEW),
    "reads_file": case(POJO, "java.nio.file.Files.readAllBytes(path);", Verdict.REVIEW),
}
