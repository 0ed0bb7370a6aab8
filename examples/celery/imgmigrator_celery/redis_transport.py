"""kombu's Redis transport, for a list in which anything may lie: what is no message must not end the worker."""

from __future__ import annotations

import base64
import json
import uuid
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis


def install() -> None:
    """Use this transport for ``redis://`` and ``rediss://``."""
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = f"{__name__}:Transport"


def envelope(item: bytes) -> bytes:
    """The item, if kombu can make a message of it; else an envelope around it, which no task understands."""
    try:
        message = json.loads(item)
        properties, body = message["properties"], message["body"]
        info = properties["delivery_info"]
        strings = (body, properties["delivery_tag"], info["exchange"], info["routing_key"])
        if not all(isinstance(each, str) for each in strings):
            raise TypeError("not a kombu message")
        if properties.get("body_encoding") == "base64":
            base64.b64decode(body)
        return item
    except (ValueError, KeyError, TypeError, AttributeError):
        return json.dumps(
            {
                "body": base64.b64encode(item).decode(),
                "content-type": "application/octet-stream",
                "content-encoding": "binary",
                "headers": {"imgmigrator_reason": "It is no message of Celery's."},
                "properties": {
                    "body_encoding": "base64",
                    "delivery_tag": str(uuid.uuid4()),
                    "delivery_info": {"exchange": "", "routing_key": ""},
                },
            }
        ).encode()


class Channel(redis.Channel):  # type: ignore[misc]  # kombu has no types
    """A channel whose client wraps what is no message, as it comes off the list."""

    def _get_client(self) -> Any:
        client = super()._get_client()
        if not isinstance(client, type):  # with global_keyprefix it is a function
            return client

        class Client(client):  # type: ignore[misc,valid-type]
            def parse_response(self, connection: Any, command_name: str, **options: Any) -> Any:
                answer = super().parse_response(connection, command_name, **options)
                if command_name != "BRPOP" or not answer:
                    return answer
                return answer[0], envelope(answer[1])

        return Client


class Transport(redis.Transport):  # type: ignore[misc]
    Channel = Channel
