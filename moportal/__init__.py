"""The project: settings, routes, and the small modules that every room may use."""

from moportal.celery import app as celery_app

__all__ = ["celery_app"]
