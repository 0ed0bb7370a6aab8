"""What nobody understands goes to the dead letters, with the reason, where Celery would only log it and throw it away."""

from __future__ import annotations

from typing import Any

from celery.utils.log import get_logger
from celery.worker.consumer import Consumer
from kombu import Queue
from kombu.message import Message

from .tasks import settings

log = get_logger(__name__)


class KeepingConsumer(Consumer):  # type: ignore[misc]  # Celery has no types
    """The worker's consumer (setting ``worker_consumer``): nothing that arrives in the queue is lost."""

    def on_unknown_message(self, body: Any, message: Message) -> None:
        self._bury(message, "It is no task of Celery's.")

    def on_unknown_task(self, body: Any, message: Message, exc: Exception) -> None:
        self._bury(message, f"There is no task {exc} here.")

    def on_invalid_task(self, body: Any, message: Message, exc: Exception) -> None:
        self._bury(message, f"It is no valid task: {exc}")

    def on_decode_error(self, message: Message, exc: Exception) -> None:
        self._bury(message, f"It can't be decoded: {exc}")

    def _bury(self, message: Message, reason: str) -> None:
        """Keep the message, byte for byte, then acknowledge it. Where it can't be kept, it stays unacknowledged."""
        queue = settings().dead_letters
        log.error("not understood, moved to %s: %s", queue, reason)
        known = message.headers if isinstance(message.headers, dict) else {}
        headers = {"imgmigrator_reason": reason[:1000], **known}
        try:
            with self.app.producer_or_acquire() as producer:
                producer.publish(
                    message.body,
                    exchange="",
                    routing_key=queue,
                    declare=[Queue(queue, durable=True)],
                    content_type=message.content_type or "application/octet-stream",
                    content_encoding=message.content_encoding or "binary",
                    headers=headers,
                    delivery_mode=2,
                    retry=True,
                    retry_policy={"max_retries": 3},
                )
        except Exception:  # whatever it is, the message must not be lost, and the worker must go on
            log.exception("%s could not be written", queue)
            return
        message.ack_log_error(log, self.connection_errors)
