"""The broker's address over TLS: the service's own CELERY_BROKER_URL, as kombu's two transports want to be told."""

from __future__ import annotations

import ssl
from typing import Any, Optional
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

REQUIREMENTS = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}


def split(url: str) -> tuple[str, Optional[dict[str, Any]]]:
    """The address without its ``ssl_*`` parameters, and Celery's setting ``broker_use_ssl``; ``None`` without TLS.

    Certificates are verified unless the address says ``ssl_cert_reqs=none``. Left to themselves, kombu would not
    verify RabbitMQ's, would not encrypt for Redis without a parameter, and knows the parameters for Redis alone.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("rediss", "amqps"):
        return url, None
    query = parse_qsl(parts.query)
    given = {name[4:]: value for name, value in query if name.startswith("ssl_")}
    rest = urlencode([(name, value) for name, value in query if not name.startswith("ssl_")])
    wanted = given.get("cert_reqs", "required").lower().replace("cert_", "", 1)
    requirement = REQUIREMENTS.get(wanted, ssl.CERT_REQUIRED)
    options: dict[str, Any] = {
        name: given[name] for name in ("ca_certs", "certfile", "keyfile") if name in given
    }
    options["cert_reqs"] = requirement
    if parts.scheme == "rediss":
        options = {f"ssl_{name}": value for name, value in options.items()}
        options["ssl_check_hostname"] = requirement != ssl.CERT_NONE
    else:
        options["server_hostname"] = parts.hostname
    return urlunsplit(parts._replace(query=rest)), options
