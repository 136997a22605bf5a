"""One self-contained HTML page: no script, nothing loaded from anywhere, readable in light and dark."""

from __future__ import annotations

from typing import TextIO

from modelsweep.core.report import Report
from modelsweep.core.shape import place
from modelsweep.core.text import printable
from modelsweep.core.units import counted, format_size
from reporting.address import inside
from reporting.encode import utc
from reporting.worst import problems_by_kind, worst_files
from reporting.writer import LISTED, View

TEXT = 1_000
"""Characters of anything that comes out of a file."""
STYLE = """
:root { color-scheme: light dark; --line: #8884; }
:root { --critical: #c62828; --warning: #b26a00; --info: #1769aa; --clean: #2e7d32; }
@media (prefers-color-scheme: dark) {
  :root { --critical: #ff6b6b; --warning: #ffb74d; --info: #64b5f6; --clean: #81c784; }
}
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; } table { border-collapse: collapse; width: 100%; }
th:first-child { width: 6rem; } td br + .quiet { font-size: .9em; }
th, td { text-align: left; vertical-align: top; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid var(--line); }
code { overflow-wrap: anywhere; } .quiet { opacity: .7; } section { margin: 1.5rem 0; }
.critical, .malicious { color: var(--critical); font-weight: 600; } .warning, .review { color: var(--warning); }
.info, .not-scanned { color: var(--info); } .clean { color: var(--clean); }
"""
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>modelsweep report</title>
<style>{{ style|safe }}</style>
</head>
<body>
<h1>modelsweep report</h1>
<p>{% for verdict, count in verdicts %}<span class="{{ verdict|replace(' ', '-') }}">{{ count }} {{ verdict }}</span>
{%- if not loop.last %}, {% endif %}{% else %}Nothing to scan{% endfor %}.
<span class="quiet">{{ files }}, {{ size }} read{% if time %}, started {{ time }}{% endif %}.</span></p>
<p class="quiet">Targets: {% for target in targets %}<code>{{ target }}</code> {% endfor %}</p>
{% for result, findings in results %}
<section>
<h2><code>{{ result.unit.locator|shown }}</code></h2>
<p><span class="{{ result.verdict.value|replace(' ', '-') }}">{{ result.verdict.value }}</span>
<span class="quiet">{{ result.unit.size|size -}}
{% if result.digest %}, SHA-256 <code>{{ result.digest }}</code>{% endif %}</span></p>
<table>
<tr><th>Severity</th><th>Finding</th></tr>
{% for finding in findings %}<tr>
<td class="{{ finding.severity.name|lower }}">{{ finding.severity.name }}</td>
<td>{{ finding.message|shown }}
{% if finding|inside %}<br><code class="quiet">{{ finding|inside }}</code>
{% endif %}<br><a class="quiet" href="#{{ finding.rule.id }}">{{ finding.rule.id }}</a></td>
</tr>
{% endfor %}</table>
</section>
{% endfor %}{% if beyond > 0 %}
<p>{{ beyond }} more findings are left out here: the JSON report has them all.</p>{% endif %}
{% if problems %}<h2>Not scanned</h2>
{% for meaning, count, group in problems %}<details{% if loop.first %} open{% endif %}>
<summary>{{ count }} {{ meaning.heading }} <span class="quiet">{{ meaning.sentence }}</span></summary>
<table>
{% for problem in group %}<tr><td><code>{{ problem|place }}</code></td><td>{{ problem.detail|shown }}</td></tr>
{% endfor %}</table>
{% if count > group|length %}<p>{{ count - group|length }} more are left out here: the JSON report has them all.</p>
{% endif %}</details>
{% endfor %}{% endif %}
{% if attachments %}<h2>Attached</h2>
<p class="quiet">Results of other tools, as their files state them. They are no part of the verdict.</p>
<table>
{% for attachment in attachments %}<tr><td>{{ attachment.tool or attachment.media_type }}</td>
<td><code>{{ attachment.path|shown }}</code> <span class="quiet">{{ attachment.size|size }}</span>
{% if attachment.text %}<br>{{ attachment.text|harmless }}
{% endif %}<br><span class="quiet">SHA-256 <code>{{ attachment.digest }}</code></span></td></tr>
{% endfor %}</table>
{% endif %}
{% if rules %}<h2>Rules</h2>
{% for rule in rules %}<section id="{{ rule.id }}">
<h3>{{ rule.id }}: {{ rule.title }}</h3>
<p>{{ rule.why }}</p>
<p><strong>What to do:</strong> {{ rule.fix }}</p>
</section>
{% endfor %}{% endif %}
<p class="quiet">modelsweep {{ tool.version }}, ruleset {{ tool.ruleset }}</p>
</body>
</html>
"""


def write(report: Report, stream: TextIO, view: View) -> None:
    """Write `report` as a page; every value is escaped by the template engine."""
    from jinja2 import Environment, StrictUndefined

    engine = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
    engine.filters["shown"] = lambda value: printable(str(value), TEXT)
    engine.filters["place"] = lambda item: printable(place(item.locator, item.span), TEXT)
    engine.filters["inside"] = lambda finding: printable(inside(finding), TEXT)
    engine.filters["harmless"] = printable
    engine.filters["size"] = format_size
    totals = report.totals
    chunks = engine.from_string(PAGE).generate(
        style=STYLE,
        verdicts=[(verdict.value, count) for verdict, count in totals.verdicts.items() if count],
        files=counted(totals.files, "file"),
        size=format_size(totals.bytes_read),
        time=utc(report.run.start_time) if report.run.start_time else "",
        targets=[printable(target, TEXT) for target in report.targets],
        results=worst_files(report, view, LISTED),
        beyond=view.count(report) - LISTED,
        problems=problems_by_kind(report, LISTED),
        attachments=report.attachments,
        rules=sorted(view.rules(report), key=lambda rule: (-rule.severity, rule.id)),
        tool=report.tool,
    )
    stream.writelines(chunks)
