"""The same job as a Celery worker does it: a task an image, or a task a batch. No plan, no verification, no resume."""

import os

import boto3
import redis
from botocore.config import Config
from celery import Celery

app = Celery("bench", broker=os.environ["BROKER"])
app.conf.update(task_acks_late=True, task_reject_on_worker_lost=True, task_ignore_result=True)

_clients = {}


def clients():
    """Made at first use, since connections do not survive the fork."""
    if not _clients:
        _clients["s3"] = boto3.client(
            "s3",
            endpoint_url=os.environ["ENDPOINT"],
            region_name="us-east-1",
            aws_access_key_id="bench",
            aws_secret_access_key="bench-secret",
            config=Config(s3={"addressing_style": "path"}),
        )
        _clients["redis"] = redis.Redis.from_url(os.environ["BROKER"])
    return _clients


def copy(source, destination, key):
    s3 = clients()["s3"]
    got = s3.get_object(Bucket=source, Key=key)
    s3.put_object(
        Bucket=destination, Key=key, Body=got["Body"].read(), ContentType=got["ContentType"]
    )


@app.task(name="bench.image")
def image(source, destination, key):
    copy(source, destination, key)
    clients()["redis"].incr("bench:done")


@app.task(name="bench.batch")
def batch(source, destination, keys):
    for key in keys:
        copy(source, destination, key)
    clients()["redis"].incrby("bench:done", len(keys))
