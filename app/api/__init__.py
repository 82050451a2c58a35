"""The API: one module per noun, the same makers as the pages."""

from fastapi import APIRouter

from app.api import (
    access,
    alignments,
    analyses,
    classes,
    compare,
    concept,
    concepts,
    dictionaries,
    examples,
    health,
    images,
    jobs,
    labels,
    lists,
    search,
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
    labels.router,
    lists.router,
    search.router,
    images.router,
    classes.router,
    compare.router,
    alignments.router,
    analyses.router,
    jobs.router,
    workers.router,
)
