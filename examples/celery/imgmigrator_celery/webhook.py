"""One delivery over HTTP: signed as QStash signs, and what its answer means."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Iterable, Mapping, Optional, Union

#: Longest wait before another attempt, in seconds. A waiting task is unacknowledged: RabbitMQ closes the channel of a
#: consumer that holds one for 30 minutes, and Redis delivers it again after the visibility timeout (an hour).
LONGEST_WAIT = 900
ANSWER_LIMIT = 64 * 1024


@dataclass(frozen=True)
class Answer:
    """What came back; status 0 where nothing did, with the reason in ``body``."""

    status: int
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True)
class Done:
    """The webhook took the delivery."""


@dataclass(frozen=True)
class Again:
    """To be tried again, ``seconds`` from now."""

    seconds: float
    reason: str


@dataclass(frozen=True)
class GivenUp:
    """Never to be tried again."""

    reason: str


Verdict = Union[Done, Again, GivenUp]


def post(url: str, body: bytes, *, key: str, message_id: str, retried: int, timeout: float) -> Answer:
    """POST ``body``, signed for this address. Does not raise where there is no answer, and follows no redirects."""
    request = urllib.request.Request(
        url,
        data=body,
        method="POST",
        headers={
            "Content-Type": "application/json",
            "User-Agent": "imgmigrator-celery",
            "Upstash-Message-Id": message_id,
            "Upstash-Retried": str(retried),
            "Upstash-Signature": sign(url, body, key, now=time.time()),
        },
    )
    try:
        with _opener.open(request, timeout=timeout) as response:
            return Answer(
                response.status, _lower(response.headers.items()), _text(response.read(ANSWER_LIMIT))
            )
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, _lower(error.headers.items()), _text(error.read(ANSWER_LIMIT)))
    except (OSError, HTTPException) as error:  # URLError and timeouts are OSErrors
        return Answer(0, {}, f"no answer: {getattr(error, 'reason', None) or error!r}")


def sign(url: str, body: bytes, key: str, now: float) -> str:
    """The JWT of a delivery (Upstash docs: QStash > Verify Signatures): HS256 over exactly this address and body."""
    header = {"alg": "HS256", "typ": "JWT"}
    claims = {
        "iss": "Upstash",
        "sub": url,
        "exp": int(now) + 300,
        # As QStash: a worker whose clock is ahead is believed, too.
        "nbf": 0,
        "iat": int(now),
        "jti": f"jwt_{uuid.uuid4().hex}",
        "body": _base64url(hashlib.sha256(body).digest()),
    }
    content = ".".join(_base64url(json.dumps(part).encode()) for part in (header, claims))
    mac = hmac.new(key.encode(), content.encode(), hashlib.sha256).digest()
    return f"{content}.{_base64url(mac)}"


def judge(answer: Answer, *, retried: int, max_retries: int, chance: float, now: float) -> Verdict:
    """What an answer means (Upstash docs: QStash > Retry). ``chance`` in [0, 1) spreads those that failed together."""
    if 200 <= answer.status < 300:
        return Done()
    reason = f"{answer.status or 'failed'}: {answer.body[:300]}"
    if answer.status == 489 and answer.headers.get("upstash-nonretryable-error", "").lower() == "true":
        return GivenUp(reason)
    if retried >= max_retries:
        return GivenUp(f"tried {retried + 1} times, at last {reason}")
    asked = retry_after(answer.headers, now)
    wait = 2.718281828 ** (2.5 * (retried + 1)) if asked is None else asked
    return Again(min(wait, LONGEST_WAIT) * (1 + chance / 4), reason)


def retry_after(headers: Mapping[str, str], now: float) -> Optional[float]:
    """Seconds that the header Retry-After asks for: a number of them, or a date (RFC 9110, 10.2.3)."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    except (TypeError, ValueError):
        return None


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A signature is for one address; elsewhere it would be refused, or worse, looked at."""

    def redirect_request(self, *_: object) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirects)


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _lower(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers}


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
