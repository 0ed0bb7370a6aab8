"""Delivers ImgMigrator's messages: a Celery task that calls the service's webhook, signed, as QStash does.

    celery -A imgmigrator_celery.app worker -Q imgmigrator --concurrency 10

Needs nothing but Celery (5.2 or newer) and the standard library. README.md beside this package says how it is set up.
"""
