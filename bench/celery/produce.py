"""Lists the source and sends the tasks: produce.py SOURCE DESTINATION BATCH. BATCH 1 is a task an image."""

import sys

from tasks import batch, clients, image

source, destination, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
waiting = []
for page in clients()["s3"].get_paginator("list_objects_v2").paginate(Bucket=source):
    for found in page.get("Contents", []):
        if size == 1:
            image.delay(source, destination, found["Key"])
            continue
        waiting.append(found["Key"])
        if len(waiting) == size:
            batch.delay(source, destination, waiting)
            waiting = []
if waiting:
    batch.delay(source, destination, waiting)
