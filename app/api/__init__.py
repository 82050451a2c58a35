"""The API: one module per noun, the same makers as the pages."""

from fastapi import APIRouter

from app.api import (
    alignments,
    analyses,
    compare,
    concept,
    concepts,
    dictionaries,
    examples,
    files,
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
    dictionaries.router,
    streams.router,
    concepts.router,
    concept.router,
    examples.router,
    files.router,
    images.router,
    compare.router,
    alignments.router,
    analyses.router,
    jobs.router,
    workers.router,
)
