"""Pages, fragments, pictures: one module per noun."""

from fastapi import APIRouter

from app.pages import (
    alignment,
    analysis,
    analyze,
    classes,
    compare,
    concept,
    concepts,
    dictionary,
    glossary,
    home,
    image,
    images,
    job_forms,
    jobs,
    lists,
    media,
    notes,
    reference,
    search,
    streams,
    together,
    twins,
)

routers: tuple[APIRouter, ...] = (
    twins.router,
    home.router,
    dictionary.router,
    streams.router,
    concepts.router,
    concept.router,
    classes.router,
    notes.router,
    lists.router,
    search.router,
    images.router,
    image.router,
    analyze.router,
    analysis.router,
    compare.router,
    glossary.router,
    reference.router,
    alignment.router,
    together.router,
    job_forms.router,
    jobs.router,
    media.router,
)
"""In the order in which addresses are tried; twins first, as their names end in .json."""
