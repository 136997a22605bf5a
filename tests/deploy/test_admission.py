"""The examples for admission, fed with scans of images in a registry: what passed gets in, and nothing else."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cel
import jmespath
import jsonschema
import pytest
import yaml
from cel.stdlib import add_stdlib_to_context
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jmespath import functions

from modelsweep.cli.commands import run
from sources import oci
from tests.cli.conftest import CLEAN, MALICIOUS
from tests.deploy import tools
from tests.deploy.tools import ROOT
from tests.sources.double import double
from tests.sources.registry import Registry, layer

FOLDER = ROOT / "deploy/policy"
POLICY, BINDING = yaml.safe_load_all((FOLDER / "admission.yaml").read_text())
KYVERNO = yaml.safe_load((FOLDER / "kyverno.yaml").read_text())
SVR = "https://in-toto.io/attestation/svr/v0.2"
MONTH = timedelta(days=30)


@dataclass
class Scanned:
    """What a scan of two images wrote: one passed, one did not; references as pods name them."""

    good: str
    bad: str
    approved: dict[str, Any]
    statement: dict[str, Any]
    envelope: dict[str, Any]


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scanned:
    monkeypatch.setattr(oci, "_tokens", {})
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    registry = Registry()
    with double(registry) as server:
        host = server.url.removeprefix("http://")
        digests = [
            registry.add(tag, layer("models/model.pkl", data))["digest"]
            for tag, data in (("good", CLEAN), ("bad", MALICIOUS))
        ]
        good, bad = (f"{host}/models/tiny@{digest}" for digest in digests)
        assert run(["scan", f"oci://{good}", f"oci://{bad}", *outputs(tmp_path)]) == 1
    key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "key.pem").write_bytes(key)
    names = [str(tmp_path / name) for name in ("passed.json", "key.pem", "passed.dsse.json")]
    assert run(["sign", names[0], "--key", names[1], "-o", names[2]]) == 0
    read = [json.loads((tmp_path / name).read_text()) for name in ("approved.json", "passed.json", "passed.dsse.json")]
    return Scanned(good, bad, *read)


def outputs(folder: Path) -> list[str]:
    return ["-f", f"configmap={folder}/approved.json", "-f", f"in-toto={folder}/passed.json", "--no-progress"]


def pod(*volumes: str, created: datetime | None = None, **containers: Any) -> dict[str, Any]:
    """Return a pod with image volumes, and with more containers by their names and images."""
    images = {"server": "registry.example/server:1", **{name.replace("_", "-"): of for name, of in containers.items()}}
    spec: dict[str, Any] = {"containers": [{"name": name, "image": image} for name, image in images.items()]}
    if volumes:
        spec["volumes"] = [
            {"name": "tmp", "emptyDir": {}},
            *({"name": "m", "image": {"reference": v}} for v in volumes),
        ]
    stamp = (created or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"metadata": {"name": "server", "creationTimestamp": stamp}, "spec": spec}


def refusals(new: dict[str, Any], approved: dict[str, Any], old: dict[str, Any] | None = None) -> list[str]:
    """Return what ValidatingAdmissionPolicy answers, evaluated as the API server does."""
    context = cel.Context()
    add_stdlib_to_context(context)
    known: dict[str, Any] = {}
    context.update(
        {"object": new, "oldObject": old, "params": approved, "request": {"operation": "UPDATE" if old else "CREATE"}}
    )
    for variable in POLICY["spec"]["variables"]:
        context.add_variable("variables", known)
        # Variables are evaluated where they are used: one that fails matters only there
        with suppress(RuntimeError, ValueError, KeyError):
            known[variable["name"]] = cel.evaluate(variable["expression"], context)
    context.add_variable("variables", known)
    said = []
    for check in POLICY["spec"]["validations"]:
        if cel.evaluate(check["expression"], context) is not True:
            message = check.get("message") or cel.evaluate(check["messageExpression"], context)
            said.append(str(message))
    return said


def test_what_passed_is_admitted_and_nothing_else(images: Scanned) -> None:
    assert refusals(pod(), images.approved) == []
    assert refusals(pod(images.good), images.approved) == []
    assert refusals(pod(images.good, images.good, modelcar=images.good), images.approved) == []
    unapproved = "not named by digest, or not approved by modelsweep: "
    tag = images.good.partition("@")[0] + ":good"
    for refused in (images.bad, tag, "", images.good + "0", images.good.replace("@sha256:", "@sha512:")):
        assert refusals(pod(refused), images.approved) == [unapproved + refused]
        assert refusals(pod(images.good, refused), images.approved) == [unapproved + refused]
    for name in ("modelcar", "modelcar_init", "modelcar_1"):
        assert refusals(pod(created=None, **{name: images.bad}), images.approved) == [unapproved + images.bad]
    assert refusals(pod(images.good), {"kind": "ConfigMap"}), "an empty list has no data"


def test_an_init_container_is_looked_at_too(images: Scanned) -> None:
    new = pod()
    new["spec"]["initContainers"] = [{"name": "modelcar-init", "image": images.bad}]
    assert refusals(new, images.approved)
    new["spec"]["initContainers"] = [{"name": "storage-initializer", "image": "kserve/storage-initializer:1"}]
    assert refusals(new, images.approved) == [POLICY["spec"]["validations"][2]["message"]]


def test_an_approval_is_for_a_month(images: Scanned) -> None:
    now = datetime.now(UTC)
    assert refusals(pod(images.good, created=now + MONTH - timedelta(hours=1)), images.approved) == []
    (said,) = refusals(pod(images.good, created=now + MONTH + timedelta(hours=1)), images.approved)
    assert said == f"approved by modelsweep more than 30 days ago, scan it again: {images.good}"


def test_what_runs_goes_on_and_cannot_be_given_another_model(images: Scanned) -> None:
    running = pod(images.good, modelcar=images.good)
    withdrawn = {**images.approved, "data": {}}
    assert refusals({**running, "metadata": {**running["metadata"], "labels": {"a": "b"}}}, withdrawn, running) == []
    assert refusals(pod(images.good, modelcar=images.bad), images.approved, running)
    assert refusals(pod(images.good, modelcar=images.good), withdrawn, pod(images.good, modelcar=images.bad))


def test_a_scan_that_passes_nothing_takes_approvals_back(tmp_path: Path) -> None:
    (tmp_path / "bad.pkl").write_bytes(MALICIOUS)
    assert run(["scan", str(tmp_path / "bad.pkl"), *outputs(tmp_path)]) == 1
    approved = json.loads((tmp_path / "approved.json").read_text())
    assert approved["data"] == {}
    reference = BINDING["spec"]["paramRef"]
    assert reference["name"] == approved["metadata"]["name"]
    assert reference["parameterNotFoundAction"] == "Deny"
    assert BINDING["spec"]["policyName"] == POLICY["metadata"]["name"]


@pytest.mark.slow
def test_kubernetes_takes_the_policy(tmp_path: Path) -> None:
    schemas = tools.wheel(tools.KUBERNETES, tmp_path) / "kubernetes_validate/kubernetes-json-schema"
    folder = next(schemas.glob("v1.37.*-strict"))
    defined = json.loads((folder / "_definitions.json").read_text())["$defs"]
    for manifest in (POLICY, BINDING):
        schema = {"$ref": f"#/$defs/io.k8s.api.admissionregistration.v1.{manifest['kind']}", "$defs": defined}
        assert not [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(manifest)]


class Functions(functions.Functions):
    """Kyverno's addition to JMESPath that the policy uses."""

    @functions.signature({"types": ["string"]}, {"types": ["string"]}, {"types": ["string"]})  # type: ignore[untyped-decorator]
    def _func_time_since(self, layout: str, before: str, after: str) -> str:
        assert layout == after == "", "RFC 3339, and now"
        return f"{(datetime.now(UTC) - datetime.fromisoformat(before)).total_seconds()}s"


def attested(rule: dict[str, Any], statements: list[dict[str, Any]]) -> bool:
    """Return whether statements about an image fulfil a rule: all of its type have to, and there has to be one."""
    (wanted,) = rule["verifyImages"][0]["attestations"]
    of_type = [statement for statement in statements if statement["predicateType"] == wanted["type"]]
    (conditions,) = wanted["conditions"]
    return bool(of_type) and all(
        holds(condition, statement["predicate"]) for statement in of_type for condition in conditions["all"]
    )


def holds(condition: dict[str, Any], predicate: dict[str, Any]) -> bool:
    found = jmespath.search(
        condition["key"].removeprefix("{{").removesuffix("}}"),
        predicate,
        jmespath.Options(custom_functions=Functions()),
    )
    if condition["operator"] == "Equals":
        return found == condition["value"] and type(found) is type(condition["value"])
    assert condition["operator"] == "LessThanOrEquals"
    return float(found.removesuffix("s")) <= int(condition["value"].removesuffix("h")) * 3600


each_rule = pytest.mark.parametrize("rule", KYVERNO["spec"]["rules"], ids=lambda rule: rule["name"])


@each_rule
def test_kyverno_finds_all_that_it_asks_for_in_a_statement(rule: dict[str, Any], images: Scanned) -> None:
    statement = images.statement
    assert attested(rule, [statement])
    assert not attested(rule, [])
    assert not attested(rule, [{**statement, "predicateType": "https://slsa.dev/provenance/v1"}])
    for absent in statement["predicate"]["properties"]:
        rest = [name for name in statement["predicate"]["properties"] if name != absent]
        needed = absent not in ("MODELSWEEP_PASSED", "MODELSWEEP_NO_CRITICAL")
        weaker = {**statement, "predicate": {**statement["predicate"], "properties": rest}}
        assert attested(rule, [weaker]) is not needed
    old = (datetime.now(UTC) - MONTH - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    stale = {**statement, "predicate": {**statement["predicate"], "timeCreated": old}}
    assert not attested(rule, [stale])
    assert not attested(rule, [statement, stale]), "hence cosign clean"


def test_the_statement_is_about_the_image_that_passed_alone(images: Scanned) -> None:
    assert images.statement["predicateType"] == SVR
    (subject,) = images.statement["subject"]
    assert images.good.endswith(f"/models/tiny@sha256:{subject['digest']['sha256']}")
    # What `cosign attach attestation` looks at
    assert images.envelope["payloadType"] == "application/vnd.in-toto+json"
    assert len(images.envelope["signatures"]) == 1


def test_kyverno_asks_for_image_volumes_and_for_what_kserve_makes_of_addresses() -> None:
    volumes, modelcars = KYVERNO["spec"]["rules"]
    assert volumes["imageExtractors"]["Pod"][0]["path"] == "/spec/volumes/*/image/reference"
    assert volumes["verifyImages"][0]["imageReferences"] == ["*"]
    assert modelcars["verifyImages"][0] == {
        **volumes["verifyImages"][0],
        "imageReferences": ["registry.example/models/*"],
    }
    assert KYVERNO["metadata"]["annotations"] == {"pod-policies.kyverno.io/autogen-controllers": "none"}
    assert KYVERNO["spec"]["webhookConfiguration"]["failurePolicy"] == "Fail"
    assert volumes["verifyImages"][0]["failureAction"] == "Enforce"
