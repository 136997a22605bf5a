"""The classes that Java itself would look for in streams of objects, against those that we tell.

`ObjectInputStream` is asked with a look-up of classes that finds none, so that nothing of a stream is made or run.
"""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.scanners.case import examine_bytes
from tests.scanners.java.cases import CASES, HEADER
from tests.scanners.mutation import mutated
from tests.scanners.test_loader_differential import values

JAVA = shutil.which("java") if shutil.which("javac") else None
NAME_SHOWN = 90
"""Characters of a name that all facts hold."""
READER = """
import java.io.*; import java.nio.file.*; import java.util.*;
public class Reader {
  static class Asking extends ObjectInputStream {
    final Set<String> asked = new TreeSet<>();
    Asking(InputStream in) throws IOException { super(in); }
    protected Class<?> resolveClass(ObjectStreamClass d) throws ClassNotFoundException {
      asked.add(d.getName()); throw new ClassNotFoundException(d.getName()); }
    protected Class<?> resolveProxyClass(String[] names) throws ClassNotFoundException {
      asked.addAll(Arrays.asList(names)); throw new ClassNotFoundException(); }
  }
  public static void main(String[] files) throws Exception {
    for (String file : files) {
      Set<String> asked = new TreeSet<>();
      try (InputStream bytes = new BufferedInputStream(new FileInputStream(file))) {
        Asking in = new Asking(bytes);
        for (int rounds = 0; rounds < 20; rounds++) {
          try { in.readObject(); }
          catch (ClassNotFoundException e) { }
          catch (OptionalDataException e) { if (e.eof) break; in.skipBytes(e.length); }
          catch (Throwable e) { break; }
          finally { asked.addAll(in.asked); }
        }
      } catch (Throwable e) { }
      asked.removeIf(name -> !name.matches("[ -~]+"));
      System.out.println(String.join("\t", asked));
    }
  }
}
"""


def asked_by_java(folder: Path, streams: list[bytes]) -> list[set[str]]:
    """Return the names that Java looks for in each stream."""
    assert JAVA
    (folder / "Reader.java").write_text(READER)
    files = []
    for number, stream in enumerate(streams):
        files.append(folder / f"{number}.ser")
        files[-1].write_bytes(stream)
    command = [JAVA, "-Xmx256m", str(folder / "Reader.java"), *map(str, files)]
    said = subprocess.run(command, capture_output=True, check=True, timeout=120, encoding="utf-8", errors="replace")
    lines = said.stdout.split("\n")[: len(streams)]
    assert len(lines) == len(streams), said.stderr
    return [set(filter(None, line.split("\t"))) for line in lines]


def base(name: str) -> str:
    """Return the class of what an array holds, nothing for numbers."""
    inner = name.lstrip("[")
    return inner if inner == name else inner[1:].rstrip(";") if inner.startswith("L") else ""


@pytest.mark.skipif(JAVA is None, reason="no Java with a compiler here")
@pytest.mark.parametrize("rounds", [20, pytest.param(400, marks=pytest.mark.slow)])
def test_classes_that_java_looks_for_are_seen(rounds: int, tmp_path: Path) -> None:
    streams = []
    for name, case in sorted(CASES.items()):
        data, rng = case.build(), random.Random(name)
        if data.startswith(HEADER):
            streams += [data, *(mutated(data, rng) for _ in range(rounds))]
    compared = 0
    for data, asked in zip(streams, asked_by_java(tmp_path, streams), strict=True):
        names = {inner for inner in map(base, asked) if 0 < len(inner) < NAME_SHOWN}
        result = examine_bytes(data, "model.ser")
        compared += len(names)
        seen = values(result, "java-class")
        assert names <= seen, f"{names - seen} of {seen} in {data[:300]!r}"
    assert compared
