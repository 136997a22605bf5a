"""What tells of new objects: the notifications of MLflow, S3 and Google Cloud Storage, and who may send them.

- MLflow signs `ID.TIMESTAMP.BODY` (https://mlflow.org/docs/latest/ml/webhooks);
- others send the secret itself: EventBridge as a header of its API destination, SNS and Pub/Sub likewise, always
  `Authorization: Bearer SECRET`, so they belong behind TLS.
"""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from threading import Lock
from typing import Any
from urllib.parse import quote, unquote_plus

TOLERANCE = 300.0
"""Seconds that a signature may be old, or ahead of our clock."""
REMEMBERED = 10_000
"""Deliveries that are known not to be taken twice."""
TARGETS = 1_000
"""Objects that one notification may name."""


class Refused(Exception):
    """A notification is not believed; the sentence says why."""


class Gate:
    """Checks who sends, by a shared secret; may be asked by many threads."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._lock = Lock()

    def check(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raise Refused unless the sender knows the secret, and says this for the first time."""
        signature = headers.get("X-MLflow-Signature")
        if signature is None:
            given = headers.get("Authorization", "").removeprefix("Bearer ")
            if not hmac.compare_digest(given.encode(), self._secret):
                raise Refused("neither signed nor with the secret")
            return
        delivery, timestamp = headers.get("X-MLflow-Delivery-Id", ""), headers.get("X-MLflow-Timestamp", "")
        signed = f"{delivery}.{timestamp}.".encode() + body
        wanted = "v1," + base64.b64encode(hmac.digest(self._secret, signed, "sha256")).decode()
        if not hmac.compare_digest(signature.encode(), wanted.encode()):
            raise Refused("the signature is wrong")
        if not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > TOLERANCE:
            raise Refused("the signature is too old")
        with self._lock:
            if delivery in self._seen:
                raise Refused("it was delivered before")
            self._seen[delivery] = None
            while len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)


def targets_of(body: bytes) -> tuple[str, ...]:
    """Return the addresses that a notification says are new, none for other events; raises Refused."""
    try:
        found = tuple(_targets(json.loads(body)))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Refused(f"no notification that is known ({type(error).__name__})") from error
    if len(found) > TARGETS:
        raise Refused(f"it names more than {TARGETS:,} objects")
    return tuple(dict.fromkeys(found))


def _targets(event: Any) -> Iterator[str]:
    for is_one, read in _SENDERS:
        if is_one(event):
            yield from read(event)
            return
    raise ValueError("unknown")


def _mlflow(event: Any) -> Iterator[str]:
    if event["action"] == "created":
        yield f"models:/{_word(event['data']['name'])}/{int(event['data']['version'])}"


def _s3(event: Any) -> Iterator[str]:
    for record in event["Records"]:
        if "s3" in record and str(record.get("eventName", "")).startswith("ObjectCreated"):
            yield _object("s3", record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"]))


def _event_bridge(event: Any) -> Iterator[str]:
    if event.get("detail-type") == "Object Created":
        yield _object("s3", event["detail"]["bucket"]["name"], event["detail"]["object"]["key"])


def _pub_sub(event: Any) -> Iterator[str]:
    about = event["message"]["attributes"]
    if about.get("eventType") == "OBJECT_FINALIZE":
        yield _object("gs", about["bucketId"], about["objectId"])


_SENDERS: tuple[tuple[Callable[[Any], bool], Callable[[Any], Iterator[str]]], ...] = (
    (lambda event: event.get("entity") in ("model_version", "model_version_alias") and "action" in event, _mlflow),
    (lambda event: "Records" in event, _s3),
    (lambda event: event.get("Type") == "Notification", lambda event: _s3(json.loads(event["Message"]))),
    (lambda event: event.get("source") == "aws.s3", _event_bridge),
    (lambda event: "message" in event, _pub_sub),
)
"""How to tell who sent a notification, and what it says: MLflow; S3, by SQS or SNS, by EventBridge; Pub/Sub."""


def _object(scheme: str, bucket: str, key: str) -> str:
    return f"{scheme}://{quote(_word(bucket))}/{_word(key)}"


def _word(text: Any) -> str:
    if not isinstance(text, str) or not text or len(text) > 4096 or "\0" in text:
        raise ValueError("no name")
    return text
