# Whether models may be used, decided by OPA or Conftest from modelsweep's JSON report (docs/report.schema.json).
#
#   modelsweep scan models/ -f json=report.json
#   opa eval -i report.json -d deploy/policy/modelsweep.rego 'data.modelsweep.deny'
#   conftest test report.json --policy deploy/policy --namespace modelsweep
#
# What was reviewed is accepted until its day, by fingerprint and SHA-256 of the file: -d baseline.json, which
# `modelsweep baseline` writes.
package modelsweep

import rego.v1

# Severities and kinds of problem (docs/exit-codes.md) that deny
severities := {"critical", "warning"}

tolerated := {"unsupported", "deselected"}

# Seconds after which a report says too little: what is known of attacks grows
oldest := 604800

default allow := false

allow if count(deny) == 0

deny contains "the input is no report of modelsweep" if not is_report

deny contains "nothing was scanned" if not scanned_something

deny contains "only a part was looked at: scan without --depth quick, --profile and choice of scanners" if not is_full

deny contains "the report is too old: scan again" if {
	input.start_time > 0
	(time.now_ns() / 1000000000) - input.start_time > oldest
}

deny contains message if {
	some issue in input.issues
	issue.severity in severities
	not is_accepted(issue)
	message := sprintf("%s: %s (%s)", [issue.location, issue.message, issue.rule])
}

deny contains message if {
	some problem in input.problems
	not problem.kind in tolerated
	message := sprintf("%s was not scanned: %s", [problem.location, problem.message])
}

is_report if {
	input.tool.name == "modelsweep"
	startswith(input.schema_version, "1.")
	is_array(input.issues)
	is_array(input.problems)
}

scanned_something if count(input.verdicts) > 0

is_full if {
	input.options.depth == "full"
	input.options.scanners == null
}

is_accepted(issue) if {
	some entry in data.modelsweep_accepted
	entry.fingerprint == issue.fingerprint
	is_current(entry)
	some file in input.verdicts
	file.digest == entry.digest
	is_in(issue.location, file.path)
}

is_current(entry) if not entry.until

is_current(entry) if entry.until >= today

is_in(location, path) if location == path

is_in(location, path) if startswith(location, concat("", [path, " (pos "]))

is_in(location, path) if startswith(location, concat("", [path, "!"]))

# What is accepted for nothing any more: data.modelsweep.stale
stale contains entry if {
	some entry in data.modelsweep_accepted
	not is_used(entry)
}

is_used(entry) if {
	is_current(entry)
	some issue in input.issues
	issue.fingerprint == entry.fingerprint
	some file in input.verdicts
	file.digest == entry.digest
	is_in(issue.location, file.path)
}

today := sprintf("%04d-%02d-%02d", time.date(time.now_ns()))
