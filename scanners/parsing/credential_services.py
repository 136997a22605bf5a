"""Key forms of further services: a table, following the descriptions of issuers or their secret scanning partners.

Keys with a checksum, a structure or an identifier beside them are in `scanners.parsing.credentials`.
"""

from __future__ import annotations

from scanners.parsing.credential_checks import mixes, mixes_alone
from scanners.parsing.credential_forms import CredentialForm, shaped, token

_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_ATLAS = rb"(?P<s>[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{60,70})"
_MODELS = (
    token("Fireworks key", "fw_", "a", "22,24", mixes),
    token("Together key", "tgp_v1_", "w", "43"),
    token("OpenAI key", "sk-", "a", "48", mixes),
    token("OpenAI session", "sess-", "a", "40", mixes),
    token("DeepSeek key", "sk-", "h", "32", mixes),
    token("ElevenLabs key", "sk_", "h", "48"),
    token("Cerebras key", "csk-", "o", "48", mixes),
    token("Tavily key", "tvly-", "w", "32,50", mixes),
    token("Jina key", "jina_", "w", "60", mixes),
    token("RunPod key", "rpa_", "a", "40,50", mixes),
    token("Friendli token", "flp_", "a", "40,60", mixes),
    token("Anyscale key", "esecret_", "o", "26", mixes),
    token("Modal token", "as-", "a", "22", mixes),
    token("LlamaCloud key", "llx-", "a", "48", mixes),
    token("E2B key", "e2b_", "h", "40"),
    shaped("Langfuse key", "sk-lf-", rb"sk-lf-[0-9a-f-]{20}", b"sk-lf-(?P<s>%b)" % _UUID.encode()),
    shaped(
        "Amazon Bedrock key",
        "ABSKQmVkcm9ja0FQSUtleS",
        rb"ABSKQmVkcm9ja0FQSUtleS[A-Za-z0-9+/]{20}",
        rb"ABSKQmVkcm9ja0FQSUtleS(?P<s>[A-Za-z0-9+/]{90,140}={0,2})",
    ),
)
_TOOLS = (
    token("Linear key", "lin_api_", "a", "40"),
    token("Figma token", "figd_", "w", "40,50", mixes),
    token("Notion token", "ntn_", "a", "46", mixes),
    token("Notion token", "secret_", "a", "43", mixes),
    token("Postman key", "PMAK-", "w", "59", mixes),
    token("Typeform token", "tfp_", "w", "40,60", mixes),
    token("Contentful token", "CFPAT-", "w", "43", mixes),
    token("ReadMe key", "rdme_", "o", "70", mixes),
    token("Mapbox secret token", "sk.eyJ1Ijoi", "w", "40,120"),
    shaped("Atlassian token", "ATATT3xFf", rb"ATATT3xFf[A-Za-z0-9_-]{20}", rb"ATATT3xFf(?P<s>[A-Za-z0-9_=-]{150,250})"),
    shaped("Airtable token", "pat", rb"pat[A-Za-z0-9]{14}\.[0-9a-f]{20}", rb"pat(?P<s>[A-Za-z0-9]{14}\.[0-9a-f]{64})"),
    shaped(
        "Slack token of an app",
        "xapp-",
        rb"xapp-[0-9]-[A-Z0-9]{10}",
        rb"xapp-(?P<s>[0-9]-A[A-Z0-9]{8,12}-[0-9]{10,15}-[0-9a-f]{64})",
    ),
    shaped(
        "Teams webhook",
        "webhook.office.com/webhookb2/",
        rb"webhook\.office\.com/webhookb2/[0-9a-f-]{36}",
        rb"webhook\.office\.com/webhookb2/(?P<s>%b@%b/IncomingWebhook/[0-9a-f]{32}/%b)" % ((_UUID.encode(),) * 3),
    ),
)
_HOSTS = (
    token("Alibaba access key", "LTAI", "a", "20,24", mixes_alone),
    token("Tencent access key", "AKID", "a", "32", mixes_alone),
    token("Yandex Cloud key", "AQVN", "w", "35,38", mixes),
    token("Google refresh token", "1//0", "w", "40,120", mixes),
    token("Google access token", "ya29.", "w", "60,400", mixes_alone),
    token("Netlify token", "nfp_", "a", "36,40", mixes),
    token("Supabase token", "sbp_", "h", "40"),
    shaped(
        "Supabase key",
        "sb_secret_",
        rb"sb_secret_[A-Za-z0-9_-]{20}",
        rb"sb_secret_(?P<s>[A-Za-z0-9_-]{22}_[A-Za-z0-9_-]{8})",
    ),
    token("Neon key", "napi_", "o", "64"),
    token("Render key", "rnd_", "a", "32", mixes),
    shaped("Cloudflare key", "v1.0-", rb"v1\.0-[0-9a-f]{20}", rb"v1\.0-(?P<s>[0-9a-f]{24}-[0-9a-f]{146})"),
    shaped("Dynatrace token", "dt0c01.", rb"dt0c01\.[A-Z0-9]{24}", rb"dt0c01\.(?P<s>[A-Z0-9]{24}\.[A-Z0-9]{64})"),
    token("PlanetScale token", "pscale_tkn_", "w", "32,64"),
    token("PlanetScale password", "pscale_pw_", "w", "32,64"),
    token("DigitalOcean OAuth token", "doo_v1_", "h", "64"),
    token("DigitalOcean refresh token", "dor_v1_", "h", "64"),
    shaped("Okta token", "SSWS 00", rb"SSWS 00[A-Za-z0-9_-]{20}", rb"SSWS (?P<s>00[A-Za-z0-9_-]{40})", mixes),
    token("Heroku key", "HRKU-AA", "w", "58", mixes),
    token("Prefect key", "pnu_", "a", "36", mixes),
    token("Pulumi token", "pul-", "h", "40"),
    token("1Password token", "ops_eyJ", "w", "200,2000"),
    shaped("Doppler token", "dp.", rb"dp\.[a-z]{2,5}\.[A-Za-z0-9]{20}", rb"dp\.[a-z]{2,5}\.(?P<s>[A-Za-z0-9]{40,44})"),
    shaped("Terraform token", ".atlasv1.", rb"\.atlasv1\.[A-Za-z0-9_-]{20}", _ATLAS, back=14),
    shaped("Fly.io token", "fm2_", rb"fm2_[A-Za-z0-9+/]{20}", rb"fm2_(?P<s>[A-Za-z0-9+/]{100,900}={0,2})", mixes),
    shaped(
        "Tailscale key",
        "tskey-",
        rb"tskey-[a-z]{3,6}-[A-Za-z0-9]{10}",
        rb"tskey-(?:auth|api|client|scim|webhook)-(?P<s>[A-Za-z0-9]{8,20}-[A-Za-z0-9]{20,40})",
    ),
    shaped(
        "Azure client secret",
        "8Q~",
        rb"8Q~[A-Za-z0-9_.~-]{31}",
        rb"(?P<s>[A-Za-z0-9_~.-]{3}8Q~[A-Za-z0-9_~.-]{31,34})",
        back=3,
    ),
    shaped(
        "key of an Azure service",
        "JQQJ99",
        rb"JQQJ99[A-Za-z0-9]{20}",
        rb"(?P<s>[A-Za-z0-9]{52}JQQJ99[A-Za-z0-9]{26})",
        back=52,
    ),
    shaped(
        "key of an Azure service",
        "SharedAccessKey=",
        rb"SharedAccessKey=[A-Za-z0-9/+]{20}",
        rb"SharedAccessKey=(?P<s>[A-Za-z0-9/+]{43}=)",
    ),
)
_CODE = (
    token("GitLab runner token", "glrt-", "w", "20,60"),
    token("GitLab runner token", "GR1348941", "w", "20", mixes),
    token("GitLab feed token", "glft-", "w", "20", mixes),
    token("GitLab mail token", "glimt-", "w", "25", mixes),
    token("GitLab token of feature flags", "glffct-", "w", "20", mixes),
    token("GitLab deploy token", "gldt-", "w", "20"),
    token("GitLab trigger token", "glptt-", "h", "40"),
    token("GitLab agent token", "glagent-", "w", "50"),
    token("GitLab SCIM token", "glsoat-", "w", "20"),
    token("GitLab job token", "glcbt-", "w", "20,40"),
    token("Bitbucket password", "ATBB", "a", "32", mixes),
    token("Buildkite token", "bkua_", "h", "40"),
    token("SonarQube token", "squ_", "h", "40"),
    token("SonarQube token", "sqp_", "h", "40"),
    token("RubyGems key", "rubygems_", "h", "48"),
    token("crates.io token", "cio", "a", "32", mixes),
    token("NuGet key", "oy2", "o", "43", mixes),
    token("Sentry token", "sntryu_", "h", "64"),
    token("New Relic key", "NRAK-", "u", "27", mixes),
    token("Grafana Cloud token", "glc_eyJ", "a", "60,400"),
    shaped("LaunchDarkly key", "sdk-", rb"sdk-[0-9a-f-]{20}", b"sdk-(?P<s>%b)" % _UUID.encode()),
    shaped("CircleCI token", "CCIPAT_", rb"CCIPAT_[A-Za-z0-9_]{20}", rb"CCIPAT_(?P<s>[A-Za-z0-9]{22}_[0-9a-f]{40})"),
    shaped(
        "Sentry token",
        "sntrys_eyJ",
        rb"sntrys_eyJ[A-Za-z0-9+/]{20}",
        rb"sntrys_(?P<s>eyJ[A-Za-z0-9+/=]{60,400}_[A-Za-z0-9+/]{40,44})",
    ),
)
_MONEY = (
    *(token("Shopify token", f"shp{kind}_", "h", "32") for kind in ("at", "ca", "pa", "ss")),
    token("Square token", "sq0atp-", "w", "22", mixes),
    token("Square secret", "sq0csp-", "w", "43", mixes),
    token("EasyPost key", "EZAK", "a", "54", mixes),
    token("Shippo token", "shippo_live_", "h", "40"),
    token("Mailgun key", "key-", "h", "32"),
    token("Stripe webhook secret", "whsec_", "a", "32", mixes),
    token("PostHog key", "phx_", "w", "40,48", mixes),
    shaped(
        "Resend key", "re_", rb"re_[A-Za-z0-9]{8}_[A-Za-z0-9]{20}", rb"re_(?P<s>[A-Za-z0-9]{8}_[A-Za-z0-9]{24})", mixes
    ),
    shaped("Brevo key", "xkeysib-", rb"xkeysib-[0-9a-f]{20}", rb"xkeysib-(?P<s>[0-9a-f]{64}-[A-Za-z0-9]{16})"),
    token("Facebook token", "EAACEdEose0cBA", "a", "80,250"),
    shaped("Mailchimp key", "-us", rb"-us[0-9]{1,2}", rb"(?P<s>[0-9a-f]{32}-us[0-9]{1,2})", back=32),
    shaped("Dropbox token", "sl.", rb"sl\.[A-Za-z0-9_-]{20}", rb"sl\.(?P<s>[A-Za-z0-9_-]{130,200})", mixes),
)
_KEYS = (
    token("age key", "AGE-SECRET-KEY-1", "u", "58"),
    shaped(
        "WireGuard key",
        "PrivateKey",
        rb"PrivateKey[ \t]{0,4}=[ \t]{0,4}[A-Za-z0-9+/]{20}",
        rb"PrivateKey[ \t]{0,4}=[ \t]{0,4}(?P<s>[A-Za-z0-9+/]{43}=)",
    ),
)
SERVICES: tuple[CredentialForm, ...] = (*_MODELS, *_TOOLS, *_HOSTS, *_CODE, *_MONEY, *_KEYS)
