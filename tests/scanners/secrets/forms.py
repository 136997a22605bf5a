"""Credentials of every make, put together at run time of random characters: valid in form, of no account."""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Callable
from functools import partial

from scanners.parsing.credential_checks import crc_in_base62

LETTERS, DIGITS, HEX = string.ascii_letters, string.digits, "0123456789abcdef"
ALNUM = LETTERS + DIGITS
URLSAFE, BASE64 = ALNUM + "_-", ALNUM + "/+"
BASE32 = string.ascii_uppercase + "234567"


def rand(length: int, of: str = ALNUM, seed: int = 1) -> str:
    """Return `length` random characters."""
    return "".join(random.Random(f"{seed} {length} {of}").choices(of, k=length))


def checked(prefix: str, length: int = 30) -> str:
    """Return a token that ends in its checksum."""
    body = rand(length)
    return f"{prefix}{body}{crc_in_base62(body.encode()).decode()}"


def encoded(value: object) -> str:
    """Return a part of a JSON web token."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def web_token(claims: dict[str, object], alg: str = "HS256") -> str:
    """Return a JSON web token with a random signature."""
    return f"{encoded({'alg': alg, 'typ': 'JWT'})}.{encoded(claims)}.{rand(43, URLSAFE)}"


def macaroon() -> str:
    """Return a token of PyPI: a macaroon of version 2 with a random identifier and signature."""
    identifier = f"{rand(8, HEX)}-{rand(4, HEX)}-4{rand(3, HEX)}-a{rand(3, HEX)}-{rand(12, HEX)}".encode()
    raw = b"\x02\x01\x08pypi.org\x02" + bytes([len(identifier)]) + identifier + b"\0\0\x06 "
    raw += random.Random(7).randbytes(32)
    return "py" + "pi-" + base64.urlsafe_b64encode(raw).decode().rstrip("=")


def der(tag: int, body: bytes) -> bytes:
    """Return one field of DER."""
    size = len(body)
    length = bytes([size]) if size < 128 else b"\x82" + size.to_bytes(2, "big")
    return bytes([tag]) + length + body


def number(value: int) -> bytes:
    """Return an INTEGER of DER."""
    return der(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def rsa_key(*, true: bool = True) -> bytes:
    """Return PKCS#1 bytes whose modulus is (or is not) the product of two odd numbers, which need be no primes here."""
    chance = random.Random(5)
    first, second = (chance.getrandbits(1024) | 1 << 1023 | 1 for _ in range(2))
    modulus = first * second + (0 if true else 2)
    rest = (chance.getrandbits(1000) for _ in range(3))
    fields = (0, modulus, 65537, chance.getrandbits(2000), first, second, *rest)
    return der(0x30, b"".join(map(number, fields)))


def pem(label: str, body: bytes, end: str = "\n") -> str:
    """Return PEM with lines of 64 characters."""
    text = base64.b64encode(body).decode()
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    dashes = "-" * 5
    kind = f"{label} PRIVATE KEY".strip()
    return end.join((f"{dashes}BEGIN {kind}{dashes}", *lines, f"{dashes}END {kind}{dashes}", ""))


def pkcs8(inner: bytes) -> bytes:
    """Return PKCS#8 around an RSA key."""
    algorithm = der(0x30, bytes.fromhex("06092a864886f70d0101010500"))
    return der(0x30, number(0) + algorithm + der(4, inner))


def openssh(cipher: bytes = b"none") -> bytes:
    """Return the beginning of a key of OpenSSH, with a random rest."""
    return b"openssh-key-v1\0" + len(cipher).to_bytes(4, "big") + cipher + random.Random(6).randbytes(200)


def service_account() -> str:
    """Return what Google hands out for a service account."""
    key = pem("", pkcs8(rsa_key()))
    return json.dumps(
        {"type": "service_account", "project_id": "p", "private_key_id": rand(40, HEX), "private_key": key}
    )


def identifier() -> str:
    """Return a UUID of random digits."""
    return "-".join(rand(length, HEX, seed) for seed, length in enumerate((8, 4, 4, 4, 12)))


def openpgp(usage: int = 0) -> str:
    """Return an armored secret key of Ed25519 (RFC 9580): with `usage` 0 no passphrase protects it."""
    curve, point = bytes.fromhex("092b06010401da470f01"), b"\x01\x07\x40" + random.Random(9).randbytes(32)
    body = b"\x04" + bytes(4) + b"\x16" + curve + point + bytes([usage]) + b"\x01\0" + random.Random(10).randbytes(40)
    text = base64.b64encode(bytes([0x94, len(body)]) + body).decode()
    lines = "\n".join(text[at : at + 64] for at in range(0, len(text), 64))
    dashes, kind = "-" * 5, "PGP PRIVATE KEY BLOCK"
    return f"{dashes}BEGIN {kind}{dashes}\nVersion: GnuPG v2\n\n{lines}\n=abcd\n{dashes}END {kind}{dashes}\n"


def putty(cipher: str = "none") -> str:
    """Return a key as PuTTY keeps it."""
    lines = "\n".join(rand(64, BASE64, seed) for seed in range(4))
    head = (
        f"PuTTY-User-Key-File-2: ssh-rsa\nEncryption: {cipher}\nComment: models\nPublic-Lines: 1\n{rand(64, BASE64)}\n"
    )
    return f"{head}Private-Lines: 4\n{lines}\nPrivate-MAC: {rand(40, HEX)}\n"


LOWER, UPPER = string.ascii_lowercase + DIGITS, string.ascii_uppercase + DIGITS
PREFIXED = {
    **dict.fromkeys(("fw_", "as-"), (22, ALNUM)),
    **dict.fromkeys(("tgp_v1_", "sq0csp-", "CFPAT-"), (43, URLSAFE)),
    **dict.fromkeys(("sess-", "lin_api_", "rpa_", "flp_"), (40, ALNUM)),
    **dict.fromkeys(("bkua_", "squ_", "sqp_", "sbp_", "pul-", "glptt-", "shippo_live_"), (40, HEX)),
    **dict.fromkeys(("shpat_", "shpca_", "shppa_", "shpss_", "key-", "sk-"), (32, HEX)),
    **dict.fromkeys(("glrt-", "gldt-", "glsoat-", "glcbt-"), (20, URLSAFE)),
    **dict.fromkeys(("sntryu_", "doo_v1_", "dor_v1_"), (64, HEX)),
    **dict.fromkeys(("pscale_tkn_", "pscale_pw_", "figd_", "tfp_"), (40, URLSAFE)),
    **dict.fromkeys(("nfp_", "pnu_"), (36, ALNUM)),
    **dict.fromkeys(("cio", "ATBB", "tvly-"), (32, ALNUM)),
    "sk" + "-": (48, ALNUM),
    "sk_": (48, HEX),
    "csk-": (48, LOWER),
    "jina_": (60, ALNUM),
    "esecret_": (26, LOWER),
    "ntn_": (46, ALNUM),
    "secret_": (43, ALNUM),
    "PMAK-": (59, HEX),
    "rdme_": (70, LOWER),
    "oy2": (43, LOWER),
    "AQVN": (35, URLSAFE),
    "1//0": (60, URLSAFE),
    "HRKU-AA": (58, URLSAFE),
    "EAACEdEose0cBA": (120, ALNUM),
    "glagent-": (50, URLSAFE),
    "rubygems_": (48, HEX),
    "NRAK-": (27, UPPER),
    "sq0atp-": (22, URLSAFE),
    "EZAK": (54, ALNUM),
    "SSWS 00": (40, URLSAFE),
    "ops_eyJ": (250, ALNUM),
    "glc_eyJ": (80, ALNUM),
    "sk.eyJ1Ijoi": (60, ALNUM),
    "ABSKQmVkcm9ja0FQSUtleS": (110, BASE64),
    "fm2_": (200, BASE64),
    "AGE-SECRET-KEY-1": (58, "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"),
    **dict.fromkeys(("whs" + "ec_", "rnd_"), (32, ALNUM)),
    **dict.fromkeys(("glft-", "GR1348941", "glffct-"), (20, URLSAFE)),
    **dict.fromkeys(("dose", "KGAT_"), (32, HEX)),
    "glimt-": (25, URLSAFE),
    "hvs.": (24, ALNUM),
    "hvb.": (150, URLSAFE),
    "wandb_v1_": (77, URLSAFE),
    "eyJhcGlfYWRkcmVzcyI6": (150, ALNUM),
    "dckr_oat_": (32, URLSAFE),
    "llx-": (48, ALNUM),
    "e2b_": (40, HEX),
    "napi_": (64, LOWER),
    "phx_": (43, ALNUM),
}
"""Prefixes of tokens that are nothing but random behind them: how many characters of which kind."""


def after(prefix: str) -> str:
    """Return the token of that prefix."""
    length, kind = PREFIXED[prefix]
    return prefix + rand(length, kind, 4)


FORMS: dict[str, Callable[[], str]] = {
    "aws": lambda: f"aws_access_key_id = AK{'IA'}{rand(16, BASE32)}\naws_secret_access_key = {rand(40, BASE64)}\n",
    "aws_environment": lambda: (
        f"AWS_ACCESS_KEY_ID=AK{'IA'}{rand(16, BASE32)}\nAWS_SECRET_ACCESS_KEY={rand(40, BASE64)}\n"
    ),
    "aws_secret": lambda: f'"aws_secret_access_key": "{rand(40, BASE64)}"',
    "github": lambda: checked("gh" + "p_"),
    "github_fine": lambda: f"github_{'pat'}_{rand(22)}_{rand(59)}",
    "gitlab": lambda: "glp" + "at-" + rand(20, URLSAFE, 3),
    "huggingface": lambda: "h" + "f_" + rand(34, LETTERS),
    "huggingface_org": lambda: "api_" + "org_" + rand(34, LETTERS),
    "openai": lambda: f"sk-{'proj'}-{rand(74, ALNUM, 2)}T3Blbk{'FJ'}{rand(74, ALNUM, 3)}",
    "anthropic": lambda: f"sk-{'ant'}-api03-{rand(93, ALNUM)}AA",
    "openrouter": lambda: "sk-or" + "-v1-" + rand(64, HEX),
    "groq": lambda: f"gs{'k_'}{rand(20)}WGdyb3FY{rand(24)}",
    "replicate": lambda: "r" + "8_" + rand(37),
    "nvidia": lambda: "nv" + "api-" + rand(64, URLSAFE),
    "langsmith": lambda: f"lsv2{'_pt_'}{rand(32, HEX)}_{rand(10, HEX)}",
    "wandb": lambda: f"export WANDB{'_API_KEY'}={rand(40, HEX)}\n",
    "wandb_login": lambda: f"wandb.login(key='{rand(40, HEX)}')\n",
    "kaggle": lambda: f"KAGGLE{'_KEY'}={rand(32, HEX)}\n",
    "databricks": lambda: "da" + "pi" + rand(32, HEX),
    "artifactory": lambda: "AK" + "Cp" + rand(69),
    "artifactory_reference": lambda: (
        base64.b64encode(b"reftkn:01:1790000000:" + rand(27).encode()).decode().rstrip("=")
    ),
    "pypi": macaroon,
    "npm": lambda: checked("np" + "m_"),
    "slack": lambda: f"xox{'b-'}{rand(12, DIGITS)}-{rand(12, DIGITS, 2)}-{rand(24)}",
    "slack_webhook": lambda: f"https://hooks.slack.com/services/T{rand(9, BASE32)}/B{rand(9, BASE32, 2)}/{rand(24)}",
    "discord_webhook": lambda: f"https://discord.com/api/webhooks/{rand(18, DIGITS)}/{rand(68, URLSAFE)}",
    "telegram": lambda: f"https://api.telegram.org/bot{rand(10, DIGITS)}:A{'A'}{rand(33)}/sendMessage",
    "stripe": lambda: "sk_" + "live_" + rand(24),
    "google": lambda: "AI" + "za" + rand(35, ALNUM),
    "google_oauth": lambda: "GOC" + "SPX-" + rand(28),
    "sendgrid": lambda: f"S{'G.'}{rand(22)}.{rand(43)}",
    "digitalocean": lambda: "dop" + "_v1_" + rand(64, HEX),
    "docker": lambda: "dckr" + "_pat_" + rand(27),
    "vault": lambda: "hv" + "s." + rand(95),
    "grafana": lambda: f"gl{'sa_'}{rand(32)}_{rand(8, HEX)}",
    "azure": lambda: f"AccountName=models;Account{'Key='}{base64.b64encode(random.Random(8).randbytes(64)).decode()};",
    "cohere": lambda: f"COHERE{'_API_KEY'}={rand(40)}\n",
    "twilio": lambda: f'"TWILIO{"_AUTH_TOKEN"}": "{rand(32, HEX)}"',
    "mistral": lambda: f"MISTRAL{'_API_KEY'}: {rand(32)}",
    "azure_openai": lambda: f"AZURE_OPENAI{'_API_KEY'}='{rand(32, HEX)}'",
    "kaggle_json": lambda: f'{{"username": "acme", "key": "{rand(32, HEX)}"}}',
    "docker_config": lambda: (
        f'{{"auths": {{"registry.acme.io": {{"auth": "{base64.b64encode(f"deploy:{rand(20)}".encode()).decode()}"}}}}}}'
    ),
    "netrc": lambda: f"machine api.wandb.ai\n  login user\n  password {rand(40, HEX)}\n",
    "jwt_service": lambda: web_token({"iss": "supabase", "role": "service_role", "ref": rand(20)}),
    "postgres": lambda: f"postgresql+psycopg2://models:{rand(14)}@db.{'models'}.acme.io:5432/registry",
    "mongodb": lambda: f"mongodb+srv://app:{rand(16)}@cluster0.abcde.mongodb.net/x",
    "atlassian": lambda: f"ATATT{'3xFf'}{rand(180, URLSAFE)}={rand(8, UPPER)}",
    "airtable": lambda: f"pat{rand(14)}.{rand(64, HEX)}",
    "slack_app": lambda: f"xapp{'-1-A'}{rand(10, UPPER)}-{rand(13, DIGITS)}-{rand(64, HEX)}",
    "teams_webhook": lambda: (
        f"https://acme.webhook.office.com/webhookb2/{identifier()}@{identifier()}"
        f"/IncomingWebhook/{rand(32, HEX)}/{identifier()}"
    ),
    "doppler": lambda: f"dp.{'pt.'}{rand(43)}",
    "terraform": lambda: f"{rand(14)}.atlas{'v1.'}{rand(67, URLSAFE)}",
    "tailscale": lambda: f"tskey{'-auth-'}{rand(16)}-{rand(32)}",
    "azure_client": lambda: f"{rand(3)}8Q{'~'}{rand(34)}",
    "azure_bus": lambda: f"Shared{'AccessKey='}{base64.b64encode(random.Random(8).randbytes(32)).decode()}",
    "launchdarkly": lambda: f"sdk{'-'}{identifier()}",
    "langfuse": lambda: f"sk-{'lf-'}{identifier()}",
    "circleci": lambda: f"CCI{'PAT_'}{rand(22)}_{rand(40, HEX)}",
    "sentry": lambda: f"sntrys_{encoded({'iat': 1700000000.1, 'org': 'acme', 'url': 'sentry'})}_{rand(43, BASE64)}",
    "mailchimp": lambda: f"{rand(32, HEX)}-{'us12'}",
    "gitlab_routable": lambda: "glp" + f"at-{rand(27, URLSAFE)}.{rand(9, LOWER)}",
    "gitlab_versioned": lambda: "glp" + f"at-{rand(27, URLSAFE)}.01.{rand(9, LOWER)}",
    "databricks_shared": lambda: f"da{'pi'}{rand(32, HEX)}-2",
    "slack_rotated": lambda: f"xoxe.xo{'xb-1-'}{rand(166)}",
    "slack_refresh": lambda: f"xo{'xe-1-'}{rand(146)}",
    "supabase": lambda: f"sb_{'secret_'}{rand(22, URLSAFE)}_{rand(8)}",
    "cloudflare": lambda: f"v1{'.0-'}{rand(24, HEX)}-{rand(146, HEX)}",
    "dynatrace": lambda: f"dt0{'c01.'}{rand(24, UPPER)}.{rand(64, UPPER)}",
    "resend": lambda: f"r{'e_'}{rand(8)}_{rand(24)}",
    "brevo": lambda: f"xkey{'sib-'}{rand(64, HEX)}-{rand(16)}",
    "azure_service": lambda: f"{rand(52)}JQQ{'J99'}{rand(26)}",
    "npm_settings": lambda: f"//npm.acme.io/:_auth{'Token'}={identifier()}",
    "named_with_a_dot": lambda: f"ACME{'_API_KEY'}=a{rand(31, HEX)}.A{rand(15)}",
    "dropbox": lambda: f"sl{'.'}{rand(140, URLSAFE)}",
    "wireguard": lambda: f"[Interface]\nPrivateKey {'='} {base64.b64encode(random.Random(8).randbytes(32)).decode()}\n",
    "named_key": lambda: f"ACME{'_API_KEY'}={rand(32)}",
    "named_token": lambda: f"export ACME{'_TOKEN'}='{rand(40, BASE64)}'",
    "named_identifier": lambda: f"ACME_SECRET{'_KEY'}: {identifier()}",
    "named_password": lambda: f'{{"db_{"password"}": "{rand(20)}"}}',
    "named_in_camel_case": lambda: f'"client{"Secret"}": "{rand(40, LOWER)}"',
    "named_default": lambda: f"os.getenv('ACME{'_TOKEN'}', '{rand(40)}')",
    "named_constant": lambda: f"API{'_KEY'}: str = b'{rand(40)}'",
    "named_tag": lambda: f"<api{'Key'}Of/><db{'Password'}>{rand(24)}</db{'Password'}>",
    "named_option": lambda: f"acme push --api-{'key'} {rand(40)} model.bin",
    "token_option": lambda: f"acme push --{'token'}={rand(40)}",
    "token_argument": lambda: f"login({'token'}='{rand(40)}')",
    "named_in_docker": lambda: f"ENV ACME{'_API_KEY'} {rand(40)}",
    "basic_login": lambda: f"Authorization{': Basic '}{base64.b64encode(f'deploy:{rand(24)}'.encode()).decode()}",
    "bearer": lambda: f"headers = {{'Authorization': 'Bearer {rand(40, URLSAFE)}'}}",
    "page_login": lambda: f"https://deploy:{rand(20)}@git.{'models'}.acme.io/acme.git",
    **{f"prefix_{place}": partial(after, prefix) for place, prefix in enumerate(PREFIXED)},
}
KEYS: dict[str, Callable[[], str]] = {
    "pkcs1": lambda: pem("RSA", rsa_key()),
    "pkcs8": lambda: pem("", pkcs8(rsa_key())),
    "openssh": lambda: pem("OPENSSH", openssh()),
    "in_source": lambda: "KEY = '" + pem("RSA", rsa_key(), "\\n") + "'\n",
    "in_yaml": lambda: "key: |\n  " + pem("RSA", rsa_key(), "\n  "),
    "service_account": service_account,
    "openpgp": openpgp,
    "putty": putty,
}
