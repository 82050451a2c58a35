"""The API: one module per noun, the same makers as the pages."""

from fastapi import APIRouter

from app.api import (
    access,
    alignments,
    analyses,
    compare,
    concept,
    concepts,
    dictionaries,
    examples,
    health,
    images,
    jobs,
    service,
    streams,
    workers,
)

routers: tuple[APIRouter, ...] = (
    health.router,
    service.router,
    access.router,
    dictionaries.router,
    streams.router,
    concepts.router,
    concept.router,
    examples.router,
    images.router,
    compare.router,
    alignments.router,
    analyses.router,
    jobs.router,
    workers.router,
)
