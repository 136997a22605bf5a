"""What is said: one writer per output; the tuple is the whole list."""

from __future__ import annotations

from reporting.writer import Draft, View, Writer, fill

__all__ = ["WRITERS", "Draft", "View", "Writer", "fill"]

WRITERS: tuple[Writer, ...] = (
    Writer("text", "Text for people", ".txt", "reporting.text"),
    Writer("json", "JSON, complete (docs/report.schema.json)", ".json", "reporting.json_report"),
    Writer("sarif", "SARIF 2.1.0 for code scanning", ".sarif", "reporting.sarif"),
    Writer("cyclonedx", "CycloneDX 1.6 ML-BOM", ".cdx.json", "reporting.cyclonedx"),
    Writer("spdx", "SPDX 3.0.1 with the AI profile", ".spdx.json", "reporting.spdx"),
    Writer("html", "One HTML page", ".html", "reporting.html"),
    Writer("markdown", "Markdown for pull requests and job summaries", ".md", "reporting.markdown"),
    Writer("junit", "JUnit XML for CI servers", ".xml", "reporting.junit"),
    Writer("codequality", "GitLab Code Quality", ".codequality.json", "reporting.codequality"),
    Writer("in-toto", "in-toto statement of what passed", ".intoto.json", "reporting.in_toto"),
    Writer("configmap", "Kubernetes ConfigMap of approved images", ".configmap.json", "reporting.configmap"),
    Writer("gitlab-sast", "GitLab security report (SAST)", ".gitlab-sast.json", "reporting.gitlab_sast"),
)
