"""The task ``imgmigrator.process_migration``: one message is one call of the webhook, with retries."""

from __future__ import annotations

import base64
import json
import random
import time
from datetime import datetime
from functools import lru_cache
from typing import Any, Optional, Union

from celery import Task, shared_task
from celery.exceptions import Reject, SoftTimeLimitExceeded
from celery.utils.log import get_task_logger
from kombu.exceptions import OperationalError

from . import settings as configuration
from .webhook import Again, Answer, GivenUp, judge, post

log = get_task_logger(__name__)
settings = lru_cache(maxsize=1)(configuration.read)


class Undeliverable(Exception):
    """A message that was given up: the webhook said never again, or it was tried often enough."""

    def __init__(self, reason: str, status: int) -> None:
        super().__init__(reason, status)
        self.reason, self.status = reason, status


class Delivery(Task):  # type: ignore[misc]  # Celery has no types
    """A task that, where it fails for good, goes to the dead letters with the reason, and tells the service."""

    @property
    def soft_time_limit(self) -> int:
        """Seconds. The webhook's own time comes first, then a task that can still say so, then its process."""
        return settings().timeout + 10

    @property
    def time_limit(self) -> int:
        return settings().timeout + 30

    def on_failure(self, exc: BaseException, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        """Whatever the failure is: also arguments that the task does not take."""
        known = exc if isinstance(exc, Undeliverable) else Undeliverable(f"{type(exc).__name__}: {exc}", 0)
        log.error("given up %s: %s", task_id, known.reason)
        # As it came but without its expiry, so that it can be moved back into the queue.
        self.app.send_task(
            self.name,
            args,
            kwargs,
            task_id=task_id,
            queue=settings().dead_letters,
            headers={"imgmigrator_reason": known.reason[:1000]},
        )
        report(task_id, self.request.retries, known.status, kwargs)


@shared_task(  # type: ignore[misc]
    bind=True,
    base=Delivery,
    name="imgmigrator.process_migration",
    # The message stays in the broker until the webhook has answered, whoever dies meanwhile.
    acks_late=True,
    reject_on_worker_lost=True,
    ignore_result=True,
    # Ours decides, by the webhook's answer.
    max_retries=None,
)
def process_migration(
    self: Delivery, migration_id: Union[str, int], user_id: Union[str, int], **more: Any
) -> None:
    """Call the webhook with this payload, and do as its answer says."""
    payload = {"migration_id": migration_id, "user_id": user_id, **more}
    own, request = settings(), self.request
    # A message that another worker had before may find its lane taken by that one's delivery: then it must wait for
    # it, and not be taken for a duplicate, as a first attempt would be.
    retried = max(request.retries, int(bool((request.delivery_info or {}).get("redelivered"))))
    try:
        answer = post(
            own.webhook_url,
            json.dumps(payload).encode(),
            key=own.signing_key,
            message_id=request.id,
            retried=retried,
            timeout=own.timeout,
        )
    except SoftTimeLimitExceeded:
        answer = Answer(0, {}, f"no answer within {own.timeout} seconds")
    verdict = judge(
        answer,
        retried=request.retries,
        max_retries=own.max_retries,
        chance=random.random(),
        now=time.time(),
    )
    if isinstance(verdict, GivenUp):
        raise Undeliverable(verdict.reason, answer.status)
    if isinstance(verdict, Again):
        log.warning("again in %.0f s, %s: %s", verdict.seconds, request.id, verdict.reason)
        try:
            raise self.retry(countdown=verdict.seconds, expires=expiry(request.expires))
        except Reject as unsent:
            # Celery throws away a task whose retry it could not send. Without a broker the message must stay there.
            if isinstance(unsent.reason, OperationalError):
                raise Reject(unsent.reason, requeue=True) from unsent
            raise Undeliverable(f"its retry could not be sent: {unsent.reason!r}", answer.status) from unsent
    log.info("delivered %s: %s", request.id, answer.status)


def expiry(header: Union[str, datetime, None]) -> Optional[datetime]:
    """When a task expires. Celery 5.2 fails to send a retry where this is the text that it was in the message."""
    return datetime.fromisoformat(header) if isinstance(header, str) else header


def report(task_id: str, retries: int, status: int, payload: Any) -> None:
    """Tell the service's failure callback, as QStash does. Once: it only counts and logs."""
    own = settings()
    body = {
        "status": status,
        "retried": retries,
        "maxRetries": own.max_retries,
        "sourceMessageId": task_id,
        "url": own.webhook_url,
        "sourceBody": base64.b64encode(json.dumps(payload).encode()).decode(),
    }
    post(
        own.failure_url,
        json.dumps(body).encode(),
        key=own.signing_key,
        message_id=f"{task_id}-failure",
        retried=0,
        timeout=10,
    )
