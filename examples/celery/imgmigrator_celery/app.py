"""A Celery app of its own, for ``celery -A imgmigrator_celery.app worker``. README.md says how to join yours instead."""

from __future__ import annotations

import sys

from celery import Celery
from kombu import Queue

from . import broker_tls, redis_transport
from .settings import Misconfigured
from .tasks import settings

try:
    own = settings()
except Misconfigured as misconfigured:
    sys.exit(f"The worker is not configured.\n{misconfigured}")

redis_transport.install()
broker, tls = broker_tls.split(own.broker_url)
app = Celery("imgmigrator", include=["imgmigrator_celery.tasks"])
app.conf.update(
    # Not `broker_url`: before that, Celery takes the variable CELERY_BROKER_URL, as it stands.
    broker_read_url=broker,
    broker_write_url=broker,
    broker_use_ssl=tls,
    task_queues=[Queue(own.queue, durable=True)],
    task_default_queue=own.queue,
    worker_consumer="imgmigrator_celery.dead_letters:KeepingConsumer",
    # Long tasks, late acknowledgement: no worker hoards what another could do.
    worker_prefetch_multiplier=1,
    # Seconds that a killed process may still have an outcome under way. A message may come twice, so few will do.
    worker_lost_wait=2.0,
    task_ignore_result=True,
    accept_content=["json"],
    timezone="UTC",
    enable_utc=True,
    broker_connection_retry_on_startup=True,
    # RabbitMQ: a task counts as sent when the broker confirms it. Redis: how long a worker may be silent about a task
    # before another gets it; longer than any wait and any delivery.
    broker_transport_options=(
        {"visibility_timeout": own.visibility_timeout} if own.broker_url.startswith("redis") else {"confirm_publish": True}
    ),
)
