"""Model cards as the Hub has them, and Markdown that is none."""

from __future__ import annotations

from modelsweep.core.options import Options
from modelsweep.core.report import Verdict
from tests.scanners.case import Case

CARD = """---
license: apache-2.0
language:
- en
library_name: transformers
pipeline_tag: text-generation
base_model:
- acme/base-7b
datasets: [acme/corpus, other/corpus]
model-index:
- name: acme
  results:
  - task:
      type: text-generation
    license: gpl-3.0
---

# Acme

license: agpl-3.0 is what another model has.
"""
OTHER = """---
license: other
license_name: stabilityai-ai-community
license_link: LICENSE.md
---
"""


def card(content: str, verdict: Verdict = Verdict.CLEAN, options: Options | None = None) -> Case:
    """Return the case of a README.md, of which a shorter one may be whole."""
    return Case(content.encode, "README.md", verdict, options or Options(), cut_is_clean=True)


CASES = {
    "benign": card(CARD),
    "benign_rule": card("# Acme\n\n---\n\nlicense: agpl-3.0\n---\n"),
    "benign_several": card("---\nlicense: [mit, apache-2.0]\n---\n"),
    "states_in_words": card("# Acme\n\nThe model is released under the CC BY-NC 4.0 license.\n"),
    "front_matter_before_words": card(
        "---\nlicense: mit\n---\nAn earlier one was licensed under the AGPL-3.0 license.\n"
    ),
    "broken": card("---\nlicense: agpl-3.0\nbad: [1, 2\n---\n"),
    "community": card(OTHER),
    "gemma": card('---\r\nlicense: "gemma"\r\n---\r\n# Acme\r\n'),
    "llama": card("---\nlicense: llama3.1\n---\n"),
    "non_commercial": card("---\nlicense: cc-by-nc-sa-4.0\n---\n"),
    "openrail": card("---\nlicense: openrail++\n---\n"),
    "base_on_blacklist": card(CARD, Verdict.MALICIOUS, Options(blacklist=("ACME/base*",))),
    "tag_of_python": card(
        "---\nwidget:\n- text: !!python/object/apply:os.system [echo]\n---\n# Acme\n", Verdict.MALICIOUS
    ),
    "tag_of_python_behind_lines": card(
        "\n" * 5_000 + "---\nwidget:\n- text: !!python/object/apply:os.system [echo]\n---\n# Acme\n", Verdict.MALICIOUS
    ),
    "tag_of_python_between_returns": card(
        "---\rwidget:\r- text: !!python/object/apply:os.system [echo]\r---\r# Acme\r", Verdict.MALICIOUS
    ),
    "data_of_a_private_file": card(
        "---\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n    path: /etc/passwd\n---\n# Acme\n",
        Verdict.REVIEW,
    ),
    "benign_data_files": card(
        "---\nconfigs:\n- config_name: a\n  data_files: data/train-*.parquet\n---\n# Acme /etc/passwd\n"
    ),
    "benign_tag_in_words": card(
        "---\nlicense: mit\na: !!python/tuple [1, 2]\n---\nNever load `x: !!python/object/apply:os.system [echo]`.\n"
    ),
    "deep": card("---\nlicense: " + "[" * 300 + "\n---\n"),
}
