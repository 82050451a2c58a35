"""Files to keep: weights and atoms, tables of the atlas as they stand, mean maps."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.types import Receive, Scope, Send

from app import urls
from app.answers import FOR_A_WHILE, Tag, check_tag, tagged
from app.api.wrap import build_etag
from app.headers import ASKED
from app.makers.concepts import parse_concept
from app.params import read_params
from app.pictures import grey_png, npy_bytes
from app.pinning import Pinned
from app.roster import Entry
from app.site import Site, SiteDep
from app.tables import file_answer
from store.artifacts import Artifact
from store.atlas.sheets import table_sheet
from store.atoms import WEIGHTS, read_atom
from store.errors import NotFound
from store.sheets import Format
from store.universal import artifact_kind

router = APIRouter(prefix=f"{urls.API}/dictionaries/{{slug}}", tags=["files"], dependencies=[Pinned])
_BINARY: dict[int | str, dict[str, Any]] = {200: {"content": {"application/octet-stream": {}}}}


class KeptFile(FileResponse):
    """A file of an artifact, which is held until it has been sent; HEAD reads none of it."""

    def __init__(self, artifact: Artifact, name: str, **given: Any) -> None:
        self._artifact = artifact
        super().__init__(artifact.file(name), **given)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer by the method that the client asked with."""
        await super().__call__({**scope, "method": scope.get(ASKED, scope["method"])}, receive, send)


@router.get("/atoms.safetensors", operation_id="get_weights", response_class=Response, responses=_BINARY)
def weights(slug: str, request: Request, *, site: SiteDep) -> Response:
    """The whole weights file of the dictionary; parts of it by ``Range``, its digest is the ETag."""
    entry = site.roster.get(slug)
    read_params(request)
    artifact = _dictionary(site, entry)
    etag = check_tag(request, Tag(f'"{artifact.manifest.files[WEIGHTS].sha256}"', FOR_A_WHILE))
    return KeptFile(
        artifact,
        WEIGHTS,
        headers={"ETag": etag, "Cache-Control": etag.cache},
        media_type="application/octet-stream",
        filename=f"{slug}-{entry.digest[:12]}.safetensors",
    )


@router.get("/export/{table}.parquet", operation_id="export_table", response_class=Response, responses=_BINARY)
def export(slug: str, table: str, *, request: Request, site: SiteDep) -> Response:
    """A whole table of the atlas, as ``docs/atlas.md`` describes it."""
    entry = site.roster.get(slug)
    read_params(request)
    etag = build_etag(request, site, entry)
    with site.opened(entry) as opened:
        response = file_answer(table_sheet(opened.atlas, table), Format.PARQUET, f"{slug}-{table}-{entry.atlas[:12]}")
    return tagged(response, etag)


@router.get("/concepts/{index}/atom.npy", operation_id="get_atom", response_class=Response, responses=_BINARY)
def atom(slug: str, index: str, *, request: Request, site: SiteDep) -> Response:
    """The concept's atom: float32 [d], norm 1, in the directions of raw activations."""
    entry = site.roster.get(slug)
    read_params(request)
    etag = build_etag(request, site, entry)
    with site.opened(entry) as opened:
        number = parse_concept(opened, index)
    values = read_atom(_dictionary(site, entry).file(WEIGHTS), number)
    return _small(npy_bytes(values), "application/octet-stream", etag=etag)


@router.get("/concepts/{index}/position.npy", operation_id="get_position_map", response_class=Response)
def position_npy(slug: str, index: str, *, request: Request, site: SiteDep) -> Response:
    """The concept's mean map: uint8 [rows cols], 255 = ``scale`` of the JSON."""
    return _position(request, site, slug, index=index, is_picture=False)


@router.get("/concepts/{index}/position.png", operation_id="get_position_picture", response_class=Response)
def position_png(slug: str, index: str, *, request: Request, site: SiteDep) -> Response:
    """The same as a grey picture, one pixel per patch."""
    return _position(request, site, slug, index=index, is_picture=True)


def _position(request: Request, site: Site, slug: str, *, index: str, is_picture: bool) -> Response:
    entry = site.roster.get(slug)
    read_params(request)
    etag = build_etag(request, site, entry)
    with site.opened(entry) as opened:
        values, _ = opened.atlas.position(parse_concept(opened, index))
    content = grey_png(values) if is_picture else npy_bytes(values)
    return _small(content, "image/png" if is_picture else "application/octet-stream", etag=etag)


def _small(content: bytes, media_type: str, *, etag: Tag) -> Response:
    return tagged(Response(content, media_type=media_type), etag)


def _dictionary(site: Site, entry: Entry) -> Artifact:
    try:
        return site.artifacts.get(artifact_kind(entry.method), entry.digest)
    except NotFound as fault:
        remedy = "This store has its atlas only; the weights are where it was learned."
        raise NotFound("weights of dictionary", entry.slug, remedy=remedy) from fault
