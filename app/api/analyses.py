"""Analyses of visitors' photos: give one, look, try edits, delete it."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from app import urls
from app.access.needs import needs
from app.analysing import MOST_DICTIONARIES, analyse, chosen_entries
from app.answers import PRIVATE, json_answer
from app.api.wrap import wrap
from app.editing import show_edits, try_edits
from app.leaving import while_waited_for
from app.makers.analysis import Answered, make_analysis
from app.makers.analysis_asking import (
    ASKS_THE_ENCODER,
    CONCEPT,
    EDITS,
    MAP,
    PAINTED,
    PATCH,
    SORT,
    STREAM,
    AnalysisAsked,
    ask_analysis,
    dictionary_param,
)
from app.makers.analysis_found import make_made, place_of
from app.makers.analysis_maps import map_of
from app.occluding import find_lost, show_lost
from app.params import as_index, document, read_params
from app.photo_choice import collection_photo
from app.pictures import grey_png, npy_bytes
from app.site import Site, SiteDep
from app.uploads import read_form
from app.views.analyses import AnalysisView, EditView, MadeView
from app.views.chosen import OcclusionView
from app.views.envelope import Envelope
from store.atlas.grammar import BadQuery, Fault
from store.edits import MAX_EDITS, PATTERN, Edit, make_edits, parse_edits
from store.encoding.contract import CollectionPhoto
from store.errors import InvalidInput
from store.vocabulary import Scope

router = APIRouter(prefix=f"{urls.API}/analyses", tags=["analyses"])
_DICTIONARY = dictionary_param("dictionary")
_SLUGS: dict[str, Any] = {
    "items": {"type": "string", "minLength": 1},
    "minItems": 1,
    "maxItems": MOST_DICTIONARIES,
    "uniqueItems": True,
}
_MULTIPART: dict[str, Any] = {
    "type": "object",
    "required": ["file", "dictionary"],
    "properties": {
        "file": {
            "type": "string",
            "format": "binary",
            "minLength": 1,
            "description": "JPEG, PNG, WebP, GIF, BMP or TIFF",
        },
        "dictionary": {"type": "array", "description": "slugs, one to four"} | _SLUGS,
    },
}


class AnalysisRequest(BaseModel):
    """An image of a collection to explain."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    image: str = Field(description="public id, or its place in the collection")
    collection: str = Field("", description="slug; that of the first dictionary when empty")
    dictionaries: tuple[str, ...] = Field(description="slugs, one to four", json_schema_extra=_SLUGS)


class EditsRequest(BaseModel):
    """Edits to try: as addresses carry them, or one by one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    edits: Annotated[str, Field(json_schema_extra={"pattern": PATTERN})] | tuple[Edit, ...] = Field(
        max_length=65_536, description=f"at most {MAX_EDITS}"
    )
    dictionary: str = Field("", description="slug of one that was asked for; the first when empty")
    stream: int = Field(0, ge=0, description="of a universal dictionary: the model whose prediction it is, from 1")


def private(response: Response) -> Response:
    """Nobody between may keep it."""
    response.headers["Cache-Control"] = PRIVATE
    return response


@router.post(
    "",
    operation_id="analyse_photo",
    status_code=201,
    dependencies=[needs(Scope.ANALYSE, counts="analyses", takes_photos=True)],
    responses={201: {"model": Envelope[MadeView]}},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {"schema": _MULTIPART},
                "application/json": {"schema": AnalysisRequest.model_json_schema()},
            },
        }
    },
)
async def make(request: Request, site: SiteDep) -> Response:
    """Explain a photo. It is deleted after a day, or by DELETE."""
    read_params(request)
    photo, slugs = await _given(request, site)
    entries = await run_in_threadpool(chosen_entries, site, slugs)
    analysis = await while_waited_for(request, analyse(site, photo, entries))
    view = make_made(analysis)
    response = json_answer(wrap(request, view, html=view.links.html), status=201)
    response.headers["Location"] = view.links.api
    return private(response)


async def _given(request: Request, site: Site) -> tuple[bytes | CollectionPhoto, tuple[str, ...]]:
    if request.headers.get("content-type", "").partition(";")[0].strip() == "application/json":
        asked = _read(AnalysisRequest, await request.body())
        entries = await run_in_threadpool(chosen_entries, site, asked.dictionaries)
        found = await run_in_threadpool(collection_photo, site, entries, image=asked.image, collection=asked.collection)
        return found, asked.dictionaries
    form = await read_form(request, max_bytes=site.settings.upload_bytes)
    if not form.photo:
        raise InvalidInput("There is no photo in the field 'file', or it is empty.")
    slugs = (word.strip() for value in form.all("dictionary") for word in value.split(","))
    return form.photo, tuple(slugs)


def _read(kind: type[Any], body: bytes) -> Any:
    try:
        return kind.model_validate_json(body)
    except ValidationError as fault:
        first = fault.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        raise InvalidInput(f"{where}: {str(first['msg']).removeprefix('Value error, ')}.") from fault


@router.get(
    "/{public_id}",
    operation_id="get_analysis",
    dependencies=[needs(Scope.READ, counts="reads", analyses_if=ASKS_THE_ENCODER)],
    openapi_extra=document(_DICTIONARY, STREAM, SORT, CONCEPT, PATCH, PAINTED, MAP, EDITS),
    responses={200: {"model": Envelope[AnalysisView]}},
)
async def look(public_id: str, request: Request, *, site: SiteDep) -> Response:
    """What each dictionary says of the photo; concept, map, patch and edits are those of the named or first one."""
    values = read_params(request, _DICTIONARY, STREAM, SORT, CONCEPT, PATCH, PAINTED, MAP, EDITS)
    asked = ask_analysis(values, dictionary=values["dictionary"])
    view = await shown(site, public_id, asked, with_all=not asked.dictionary)
    return private(json_answer(wrap(request, view, html=urls.analysis(public_id, query=asked.pairs))))


async def shown(site: Site, public_id: str, asked: AnalysisAsked, *, with_all: bool, base: str = "") -> AnalysisView:
    """The view that page and API share; raises ``NotFound``."""
    analysis = await run_in_threadpool(site.keeper.get, public_id)
    first = place_of(analysis, asked.dictionary)
    rest = [i for i in range(len(analysis.result.dictionaries)) if i != first] if with_all else []
    edit = await show_edits(site, analysis, asked, base=base) if asked.edits.edits else None
    answered = Answered(edit, await show_lost(site, analysis, asked))
    return await run_in_threadpool(make_analysis, site, analysis, asked, places=[first, *rest], answered=answered)


@router.delete("/{public_id}", operation_id="delete_analysis", status_code=204, dependencies=[needs(Scope.ANALYSE)])
async def delete(public_id: str, request: Request, *, site: SiteDep) -> Response:
    """Delete photo and analysis at once, for good."""
    read_params(request)
    await forget(site, public_id)
    return private(Response(status_code=204))


async def forget(site: Site, public_id: str) -> None:
    """Delete one, and let the encoder forget the photo; raises ``NotFound``."""
    analysis = await run_in_threadpool(site.keeper.get, public_id)
    await run_in_threadpool(site.keeper.delete, public_id)
    await site.encoder.forget_quietly(analysis.result.photo.sha256)


@router.post(
    "/{public_id}/edits",
    operation_id="try_edits",
    dependencies=[needs(Scope.READ, counts="analyses")],
    responses={200: {"model": Envelope[EditView]}},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/EditsRequest"}}},
        }
    },
)
async def edits(public_id: str, request: Request, *, site: SiteDep, body: EditsRequest) -> Response:
    """Probabilities before and after, beside what the same edits of other concepts do. Nothing is kept."""
    read_params(request)
    found = parse_edits(body.edits) if isinstance(body.edits, str) else make_edits(body.edits)
    analysis = await run_in_threadpool(site.keeper.get, public_id)
    asked = AnalysisAsked(dictionary=body.dictionary, stream=body.stream, edits=found)
    view = await while_waited_for(request, try_edits(site, analysis, asked))
    return private(json_answer(wrap(request, view, html=asked.url(public_id))))


@router.get(
    "/{public_id}/occlusion",
    operation_id="get_analysis_occlusion",
    dependencies=[needs(Scope.READ, counts="analyses")],
    openapi_extra=document(_DICTIONARY, STREAM, replace(CONCEPT, required=True)),
    responses={200: {"model": Envelope[OcclusionView]}},
)
async def occlusion(public_id: str, request: Request, *, site: SiteDep) -> Response:
    """What the score of the predicted class loses when a concept is taken away, from the photo and from each patch."""
    values = read_params(request, _DICTIONARY, STREAM, CONCEPT)
    concept = as_index("concept", values["concept"])
    if concept is None:
        raise BadQuery(Fault("concept", "Name the concept to take away by 'concept'."))
    analysis = await run_in_threadpool(site.keeper.get, public_id)
    stream = as_index("stream", values["stream"]) or 0
    asked = AnalysisAsked(dictionary=values["dictionary"], stream=stream, concept=concept, map="occlusion")
    view = await while_waited_for(request, find_lost(site, analysis, asked))
    return private(json_answer(wrap(request, view, html=asked.url(public_id))))


@router.get("/{public_id}/photo.webp", operation_id="get_analysis_photo", response_class=Response)
def photo(public_id: str, site: SiteDep) -> Response:
    """The kept copy of the photo."""
    site.keeper.get(public_id)
    return private(Response(site.keeper.files.photo(public_id), media_type="image/webp"))


@router.get("/{public_id}/maps/{dictionary}/{concept}.png", operation_id="get_analysis_map", response_class=Response)
def map_png(public_id: str, dictionary: str, concept: int, *, site: SiteDep) -> Response:
    """A concept's map as a grey picture, one pixel per patch, 255 = its largest code here."""
    return private(Response(grey_png(map_of(site, public_id, dictionary, concept).shades), media_type="image/png"))


@router.get("/{public_id}/maps/{dictionary}/{concept}.npy", operation_id="get_analysis_codes", response_class=Response)
def map_npy(public_id: str, dictionary: str, concept: int, *, site: SiteDep) -> Response:
    """A concept's codes, float32 [rows cols]."""
    found = map_of(site, public_id, dictionary, concept)
    return private(Response(npy_bytes(found.codes), media_type="application/octet-stream"))
