"""Credentials of every make, and what only has their form: checksums that do not fit, placeholders, examples, names."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.protobuf import data
from tests.scanners.secrets.forms import (
    ALNUM,
    BASE32,
    BASE64,
    DIGITS,
    FORMS,
    HEX,
    KEYS,
    LETTERS,
    URLSAFE,
    openpgp,
    openssh,
    pem,
    putty,
    rand,
    rsa_key,
    web_token,
)


def text(build: Callable[[], str], verdict: Verdict = Verdict.CLEAN, name: str = "notes.txt") -> Case:
    """Return the case of a text."""

    def lines() -> bytes:
        return f"first line\n{build()}\nlast line\n".encode()

    return Case(lines, name, verdict, cut_is_clean=True)


def filled(filler: str) -> str:
    """Return every prefix with `filler` for the rest, as documentation writes them."""
    prefixes = (
        "gh" + "p_",
        "h" + "f_",
        "glpat-",
        "sk-ant-api03-",
        "sk-proj-",
        "AKIA",
        "AIza",
        "npm_",
        "dapi",
        "sk_live_",
    )
    return "\n".join(f'key = "{prefix}{(filler * 100)[:length]}"' for prefix in prefixes for length in (16, 20, 34, 36))


def names() -> str:
    """Return names in code that begin as tokens do."""
    return "\n".join(
        (
            "hf_" + "AutoModelForSequenceClassification",
            "npm_" + "config_registry_that_is_long_enough_for_this",
            "sk-" + "learn-contrib-imbalanced-learn-ensemble",
            "gsk_" + "GlaxoSmithKlinePublicationsOfTheYear2024",
            "r8_" + "UNORM_BLOCK_COMPRESSED_FORMAT_SRGB_BITS",
            "AKIA" + "IOSFODNN7" + "EXAMPLE wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "postgres://user:password@localhost:5432/mlflow",
            "postgresql://{user}:{password}@{host}/db postgres://$USER:$PASS@db.acme.io/x",
            "mysql+pymysql://scott:tiger@db.acme.io/test redis://:mypassword@cache.acme.io:6379/0",
            "https://user:token123@example.com/path git+ssh://git@github.com:22/x",
            "mongodb+srv://<user>:<password>@cluster0.mongodb.net",
        )
    )


def web_tokens() -> str:
    """Return a token without algorithm, the one of every tutorial, and three parts that are no JSON."""
    tutorial = web_token({"sub": "1234567890", "name": "John Doe", "iat": 1516239022})
    return f"{tutorial}\n{web_token({'sub': 'a'}, 'none')}\neyJ{rand(40)}.eyJ{rand(60)}.{rand(43)}\n"


def named_texts() -> str:
    """Return what stands under names of secrets, or under names that only resemble those, and is none."""
    return "\n".join(
        (
            "api_key = os.environ['OPENAI_API_KEY']; api_key=self.settings.get_secret_value_of_key2()",
            'client_secret: "projects/acme/secrets/model-registry-token/versions/1"',
            "private_key: ed25519.Ed25519PrivateKey, signing_key: x25519.X25519PrivateKeyOf2",
            'LocalConsolePassword: "PassWordMustBeAtLeast6Chars."  password = "SomeKindOfPassword123"',
            "arn:aws:secretsmanager:us-west-2:123456789012:secret:MyDatabase-a1B2c3D4e5F6g7H8i9J0",
            f'"{"token"}": "{rand(40)}", the {"token"} {rand(40)} and the key {rand(40)} of a table',
            f"Authorization: Basic {base64.b64encode(b'user:password-of-yours').decode()}",
            f'"eos_token": "{rand(24)}", "cache_key": "{rand(32, HEX)}", "primary_key": "{rand(24)}"',
            f'"public_api_key": "{rand(32)}", "token": "{rand(30)}", key: {rand(64, HEX)}',
            "API_KEY=your-api-key-goes-here-1A2b SECRET_KEY=xxxxxxxxxxxxxxxxxxxxxxxx AUTH_TOKEN=${ACME_AUTH_TOKEN_V2}",
            "api_key: meta-llama/Llama-2-7b-chat-hf-GPTQ-4bit-128g API_KEY=resnet50-finetuned-imagenet21k-v2b",
            "Authorization: Bearer token123token123token123 or Bearer <your_access_token_here_1A>",
            f"https://a.b/x?u=https://{rand(5)}:{rand(6)}@acme.io/ https://user:{rand(20)}@example.com/",
        )
    )


def keys_of_nothing() -> str:
    """Return PEM that is no key: dots, random bytes, and primes that do not fit."""
    dashes = "-" * 5
    dots = f"{dashes}BEGIN RSA PRIVATE KEY{dashes}\nMIIEpAIBAAKCAQEA...\n{dashes}END RSA PRIVATE KEY{dashes}\n"
    return dots + pem("RSA", random.Random(1).randbytes(900)) + pem("RSA", rsa_key(true=False))


def metadata() -> bytes:
    """Return a safetensors file whose metadata holds a token, which also other scanners see."""
    header = json.dumps({"__metadata__": {"note": f"login with {FORMS['huggingface']()} first"}}).encode()
    return len(header).to_bytes(8, "little") + header


def notebook_images() -> str:
    """Return much base64, as notebooks hold images."""
    return base64.b64encode(random.Random(2).randbytes(300_000)).decode()


CASES = {
    **{name: text(build, Verdict.REVIEW) for name, build in FORMS.items()},
    **{f"key_{name}": text(build, Verdict.REVIEW) for name, build in KEYS.items()},
    "in_random_bytes": Case(
        lambda: random.Random(3).randbytes(3000) + b"\0" + FORMS["github"]().encode() + b"\0" + bytes(300),
        "weights.bin",
        Verdict.REVIEW,
    ),
    "between_tags": Case(
        lambda: bytes(3000) + data(10, FORMS["huggingface"]()) + data(12, data(1, "y")) + bytes(300),
        "weights.bin",
        Verdict.REVIEW,
    ),
    "in_escaped_lines": text(lambda: '["first\\n' + FORMS["huggingface"]() + '\\n", "last"]', Verdict.REVIEW),
    "named_in_escaped_lines": text(lambda: f'"first\\nACME{"_TOKEN"}={rand(32)}\\n"', Verdict.REVIEW),
    "in_utf16": Case(
        lambda: f'$env:{"GITHUB_TOKEN"} = "{FORMS["github"]()}"\r\n'.encode("utf-16"),
        "run.ps1",
        Verdict.REVIEW,
        cut_is_clean=True,
    ),
    "in_utf16_to_its_end": Case(
        lambda: f"first line\n{FORMS['huggingface']()}".encode("utf-16-be"),
        "notes.txt",
        Verdict.REVIEW,
        cut_is_clean=True,
    ),
    "many_places_in_utf16": Case(
        lambda: ("-us1" * 16_000).encode("utf-16"), "notes.txt", Verdict.NOT_SCANNED, cut_is_clean=True
    ),
    "benign_in_utf16": Case(
        lambda: f"{filled('x')}\n{named_texts()}\n".encode("utf-16"), "notes.txt", Verdict.CLEAN, cut_is_clean=True
    ),
    "in_metadata": Case(metadata, "model.safetensors", Verdict.REVIEW),
    "possible_checksum": text(lambda: "gh" + "p_" + rand(36)),
    "possible_key_id": text(lambda: "AK" + "IA" + rand(16, BASE32)),
    "possible_web_token": text(lambda: web_token({"sub": rand(12), "exp": 1700000000})),
    "possible_firebase": text(lambda: f'authDomain: "x.firebaseapp.com", apiKey: "AI{"za"}{rand(35)}"'),
    "possible_encrypted_key": text(lambda: pem("OPENSSH", openssh(b"aes256-ctr"))),
    "possible_test_key": text(KEYS["pkcs8"], name="acme/tests/server.pem"),
    "mlflow": text(lambda: f"MLFLOW_TRACKING{'_TOKEN'}: {rand(32)}", Verdict.REVIEW),
    "possible_named_in_test": text(lambda: f"ACME{'_API_KEY'}={rand(32)}", name="acme/tests/settings.txt"),
    "possible_key_of_a_page": text(lambda: f"algolia: {{ api{'Key'}: '{rand(32, HEX)}' }}"),
    "possible_openpgp": text(lambda: openpgp(254)),
    "possible_putty": text(lambda: putty("aes256-cbc")),
    "possible_google_access": text(lambda: "ya" + "29." + rand(120, URLSAFE)),
    "benign_named": text(named_texts),
    "possible_shared_signature": text(
        lambda: f"https://acme.blob.example/m?sv=2022-11-02&se=2025-01-01&sp=r&s{'ig='}{rand(43)}%3D"
    ),
    "benign_links_with_their_token": text(
        lambda: (
            f"[report](https://acme.wandb.example/r--Vm?access{'Token'}={rand(60)}) "
            f"https://firebase.example/o/data.tsv?alt=media&to{'ken'}={rand(8, HEX)}-31d5-48f4-b431-{rand(12, HEX)} "
            f"https://journal.example/1234?guestAccess{'Key'}={rand(8, HEX)}-31d5-48f4-b431-{rand(12, HEX)}"
        )
    ),
    "possible_named_in_address": text(
        lambda: f"GET https://acme.example/v1/models?api_{'key'}={rand(40)}", Verdict.REVIEW
    ),
    "login_of_an_inner_machine": text(
        lambda: f"url: postgresql://models:{rand(18)}@db.{'models'}.internal:5432/registry", Verdict.REVIEW
    ),
    "benign_logins_of_examples": text(
        lambda: (
            f"postgresql://models:{rand(18)}@db.example.com/x mysql://models:{rand(18)}@localhost/x "
            f"amqp://models:{rand(4)}@queue:5672/ redis://:{'hello'}world@cache.internal:6379/0"
        )
    ),
    "benign_key_that_does_not_fit_in_json": text(
        lambda: json.dumps({"key": pem("", b"\x30\x82\x04\xbd\x02\x01\0" + random.Random(4).randbytes(300))})
    ),
    "benign_registry_logins": text(
        lambda: "\n".join(
            (
                '{"auth": "' + base64.b64encode(b"deploy:" + rand(20).encode()).decode() + '"}',
                '{"auths": {"registry.acme.io": {"auth": "' + base64.b64encode(b"user:password").decode() + '"}}}',
                '{"key": "' + rand(32, HEX) + '", "name": "cache"}',
                f"the password {rand(40)} is shown once; machine x login y password your-password-goes-here-now",
                f"https://acme.example/?sig={rand(43)}%3D",
            )
        )
    ),
    "benign_fillers": text(
        lambda: "\n".join(map(filled, ("x", "your_token_here_", "EXAMPLE", "abcdefgh", "0123456789")))
    ),
    "benign_names": text(names),
    "benign_web_tokens": text(web_tokens),
    "benign_keys_of_nothing": text(keys_of_nothing),
    "benign_base64": text(notebook_images),
    "benign_hashes": text(lambda: "\n".join(rand(64, HEX, seed) for seed in range(200))),
    "benign_longer": text(
        lambda: "gh" + "p_" + rand(60) + " h" + "f_" + rand(60, LETTERS) + " da" + "pi" + rand(64, HEX)
    ),
    "benign_inside": text(lambda: "x".join(build() for build in (FORMS["npm"], FORMS["docker"]))[5:]),
    "benign_short": text(lambda: f"glpat-{rand(12, URLSAFE)} AIza{rand(20, ALNUM)} xoxb-{rand(12, DIGITS)}"),
    "benign_secret_alone": text(lambda: f"sha = {rand(40, BASE64)}"),
}
