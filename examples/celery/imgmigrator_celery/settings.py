"""What the worker is told, by environment variables. The names are those of the service's own settings."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Mapping, Optional
from urllib.parse import urlsplit

KEY_LENGTH = 32
DEFAULT_PORTS = {"http": ":80", "https": ":443"}


@dataclass(frozen=True)
class Settings:
    """Where the service is, how deliveries are signed, and how patient they are."""

    webhook_url: str
    failure_url: str
    signing_key: str
    broker_url: str
    queue: str
    #: Attempts after the first; what is lost after them, the service's sweeper sends again.
    max_retries: int
    #: Seconds that the webhook may take to answer; the service ends a delivery by itself after two minutes.
    timeout: int
    #: Redis: seconds that a worker may be silent about a message before another one gets it.
    visibility_timeout: int

    @property
    def dead_letters(self) -> str:
        """The queue of what was given up, and of what nobody understood."""
        return f"{self.queue}.dead"


class Misconfigured(Exception):
    """Settings are missing or wrong. The message names each of them, and none of their values."""


def read(env: Mapping[str, str] = os.environ) -> Settings:
    """The settings in ``env``. Raises ``Misconfigured`` with a line for each that is missing or wrong."""
    values = {name: value.strip() for name, value in env.items() if value.strip()}
    problems: list[str] = []
    base = canonical(values.get("BASE_URL", ""))
    if base is None:
        problems.append(
            "BASE_URL is not the complete public URL of the service, like https://imgmigrator.example.com."
        )
    # A team that moves between dispatchers may sign with QStash's current key; a key of its own is better.
    own = values.get("CELERY_SIGNING_KEY", "")
    key = own or values.get("QSTASH_CURRENT_SIGNING_KEY", "")
    if not key:
        problems.append("CELERY_SIGNING_KEY is not set. Give it the value that the service has.")
    if own and len(own) < KEY_LENGTH:
        problems.append(f"CELERY_SIGNING_KEY is shorter than {KEY_LENGTH} characters.")
    if not values.get("CELERY_BROKER_URL"):
        problems.append("CELERY_BROKER_URL is not set. Give it the value that the service has.")
    numbers = {}
    for name, default in (
        ("CELERY_DELIVERY_RETRIES", "3"),
        ("CELERY_DELIVERY_TIMEOUT", "310"),
        ("CELERY_VISIBILITY_TIMEOUT", "3600"),
    ):
        value = values.get(name, default)
        if not re.fullmatch(r"\d{1,5}", value):
            problems.append(f"{name} is no whole number.")
            value = default
        numbers[name] = int(value)
    if problems:
        raise Misconfigured("\n".join(problems))
    webhook = f"{base}/api/v1/webhooks/qstash"
    return Settings(
        webhook_url=webhook,
        failure_url=f"{webhook}/failure",
        signing_key=key,
        broker_url=values["CELERY_BROKER_URL"],
        queue=values.get("CELERY_QUEUE", "imgmigrator"),
        max_retries=numbers["CELERY_DELIVERY_RETRIES"],
        timeout=max(1, numbers["CELERY_DELIVERY_TIMEOUT"]),
        visibility_timeout=max(1, numbers["CELERY_VISIBILITY_TIMEOUT"]),
    )


def canonical(base: str) -> Optional[str]:
    """The one spelling of BASE_URL that the service has too: a signature is made for exactly that."""
    url = urlsplit(base)
    if url.scheme not in DEFAULT_PORTS or not re.fullmatch(
        r"([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:\d+)?", url.netloc
    ):
        return None
    path = url.path.rstrip("/")
    if url.query or url.fragment or not re.fullmatch(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*", path):
        return None
    default = DEFAULT_PORTS[url.scheme]
    host = url.netloc.lower()
    return f"{url.scheme}://{host[: -len(default)] if host.endswith(default) else host}{path}"
