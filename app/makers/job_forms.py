"""Forms that start jobs: from fields to a job and back, with what it would cost and the equal command and call."""

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import PurePath
from typing import Any, Final

from pydantic import ValidationError

from app import urls
from app.makers.estimating import make_estimate
from app.makers.job_fields import FORMS, HEADINGS, Field
from app.makers.jobs import make_job_brief, post_line
from app.origin import why_no_jobs
from app.params import is_whole
from app.site import Site
from app.views.base import Choice
from app.views.jobs import FieldGroup, FieldView, JobFormView, PlanView
from store.bundled import BUNDLED
from store.catalog.collections import list_collections
from store.catalog.dictionaries import list_dictionaries
from store.catalog.jobs import find_unfinished, get_job
from store.commands import command_of, nearest_preset
from store.errors import ConceptoscopeError, InvalidInput, NotFound
from store.jobs import AnyJob, load_job
from store.methods import load_dictionary_spec
from store.naming import universal_slug, universal_title
from store.presets import DEMO_UNIVERSAL, get_preset
from store.specs import ExtractionSpec
from store.streams import find_fault, parse_streams, stream_name, write_streams
from store.universal import artifact_kind
from store.vocabulary import JobKind, Kind

_FAULT_AT: Final[dict[str, str]] = {JobKind.UNIVERSAL: "streams"}
"""Fields that are read by us before the job is judged."""


@dataclass(frozen=True)
class Filled:
    """A form as it was filled in: the job it means, or what is wrong with which field ("" for none of them)."""

    values: Mapping[str, str]
    job: AnyJob | None
    faults: Mapping[str, tuple[str, ...]]


def check_kind(kind: str) -> str:
    """The name of a form; raises ``NotFound``."""
    if kind not in FORMS:
        raise NotFound("form", kind, known=[str(one) for one in FORMS])
    return kind


def fill(site: Site, kind: str, given: Mapping[str, str]) -> Filled:
    """What was filled in, on top of what untouched fields mean; ``from`` starts with an earlier job's values.

    A form that was sent has a ``key``: a box that it doesn't name was not ticked.
    """
    choices = _choices(site)
    values = {field.name: _untouched(field, choices.get(field.name, ())) for field in FORMS[kind]}
    if given.get("from"):
        values |= _values_of(site, kind, given["from"])
    if "key" in given:
        values |= {field.name: "" for field in FORMS[kind] if field.kind == "check"}
    values |= {name: value.strip() for name, value in given.items() if name in values}
    missing = {f.name: (f"{f.label} is missing.",) for f in FORMS[kind] if f.required and not values[f.name]}
    if missing:
        return Filled(values, None, missing)
    try:
        return Filled(values, _job(kind, values), {})
    except ValidationError as fault:
        return Filled(values, None, _by_field(kind, fault))
    except ConceptoscopeError as fault:
        return Filled(values, None, {_FAULT_AT.get(kind, ""): (str(fault),)})
    except ValueError as fault:
        return Filled(values, None, {"spec" if kind == "spec" else "": (f"This is not JSON: {fault}.",)})


def _untouched(field: Field, choices: Sequence[tuple[str, str]]) -> str:
    return choices[0][0] if choices else field.default


def _job(kind: str, values: Mapping[str, str]) -> AnyJob:
    if kind == "spec":
        return load_job(json.loads(values["spec"]))
    parts = {JobKind.INGEST: _ingest, JobKind.EXTRACT: _extract, JobKind.TRAIN: _train, JobKind.INDEX: _index}
    parts |= {JobKind.UNIVERSAL: _universal, JobKind.ALIGN: _align}
    return load_job({"kind": kind, "rebuild": values["rebuild"] == "on"} | parts[JobKind(kind)](values))


def _ingest(values: Mapping[str, str]) -> dict[str, Any]:
    name = PurePath(values["folder"]).name or "photos"
    classes = {"by": values["classes"], "csv": values["csv"] or None}
    classes |= {"prefix": values["prefix"]} if values["prefix"] else {}
    collection = {"slug": values["slug"] or _slug(name), "title": values["title"] or name, "classes": classes}
    return {"folder": values["folder"], "collection": collection | {"held_out": values["held_out"] or 0.15}}


def _extract(values: Mapping[str, str]) -> dict[str, Any]:
    extraction = {
        "model": values["model"],
        "layer": values["layer"],
        "height_px": values["height"] or None,
        "width_px": values["width"] or None,
        "fit": values["fit"],
        "stored": values["live"] != "on",
    }
    return {"collection": values["collection"], "extraction": extraction}


def _train(values: Mapping[str, str]) -> dict[str, Any]:
    changes = {name: values[name] for name in ("n_concepts", "n_active", "epochs", "seed") if values[name]}
    spec = get_preset(values["preset"]).spec.as_json() | changes
    model = BUNDLED[values["model"]].title if values["model"] in BUNDLED else values["model"].removeprefix("timm/")
    slug = values["slug"] or _slug(f"{values['model']}-{values['layer']}-{spec['method']}")
    title = values["title"] or f"{model}, {values['layer']}, {spec['method']}"
    return _extract(values) | {"dictionaries": [{"slug": slug, "title": title, "spec": spec}]}


def _universal(values: Mapping[str, str]) -> dict[str, Any]:
    streams = parse_streams(values["streams"], stored=values["live"] != "on")
    fault = find_fault([stream_name(stream) for stream in streams])
    if fault:
        raise InvalidInput(fault)
    names = ("n_concepts", "n_active", "epochs", "seed", "procedure", "choice")
    spec = DEMO_UNIVERSAL.as_json() | {name: values[name] for name in names if values[name]}
    named = {"slug": values["slug"] or universal_slug(streams), "title": values["title"] or universal_title(streams)}
    read = {
        "collection": values["collection"],
        "streams": [stream.as_json() | {"fit": values["fit"]} for stream in streams],
    }
    return read | named | {"spec": spec}


def _index(values: Mapping[str, str]) -> dict[str, Any]:
    return {"dictionary": values["dictionary"], "atlas": {"n_examples": values["n_examples"] or 16}}


def _align(values: Mapping[str, str]) -> dict[str, Any]:
    return {"first": values["first"], "second": values["second"]}


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "photos"


def _by_field(kind: str, fault: ValidationError) -> dict[str, tuple[str, ...]]:
    """Each fault at the field whose value it is about."""
    found: dict[str, tuple[str, ...]] = {}
    for error in fault.errors():
        where = tuple(str(part) for part in error["loc"])
        name = _field_at(kind, where)
        told = error["msg"].removeprefix("Value error, ")
        text = told if name else f"{'.'.join(where)}: {told}"
        found[name] = (*found.get(name, ()), text)
    return found


def _field_at(kind: str, where: Sequence[str]) -> str:
    if kind == "spec":
        return ""
    for field in FORMS[kind]:
        if field.path and tuple(field.path) == tuple(where)[1 : len(field.path) + 1]:
            return field.name
    return where[-1] if where and any(field.name == where[-1] for field in FORMS[kind]) else ""


def _values_of(site: Site, kind: str, number: str) -> dict[str, str]:
    """The fields that would make an earlier job again, as far as the form has them."""
    if not is_whole(number):
        raise NotFound("job", number)
    with site.catalog.session() as session:
        row = get_job(session, int(number))
    if kind == "spec":
        return {"spec": json.dumps(row.spec, indent=2)}
    return _again(load_job(row.spec).as_json()) if row.kind == kind else {}


def _again(spec: dict[str, Any]) -> dict[str, str]:
    found = {field.name: _at(spec, field.path) for field in FORMS[spec["kind"]] if field.path}
    if "extraction" in spec:
        found["live"] = not spec["extraction"].get("stored", True)
    if "dictionaries" in spec:
        found |= _dictionary_again(spec["dictionaries"][0])
    if "streams" in spec:
        found |= _universal_again(spec)
    return {name: _as_text(value) for name, value in found.items()}


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else ""
    return "" if value is None else str(value)


def _dictionary_again(named: dict[str, Any]) -> dict[str, Any]:
    preset = nearest_preset(load_dictionary_spec(named["spec"]))
    fields = {name: named["spec"][name] for name in ("n_concepts", "n_active", "epochs", "seed")}
    return fields | {"slug": named["slug"], "title": named["title"], "preset": preset.name if preset else ""}


def _universal_again(spec: dict[str, Any]) -> dict[str, Any]:
    streams = [ExtractionSpec.model_validate(one) for one in spec["streams"]]
    fields = {name: spec["spec"][name] for name in ("n_concepts", "n_active", "epochs", "seed", "procedure", "choice")}
    text = write_streams(streams).replace(",", "\n")
    return fields | {"streams": text, "fit": streams[0].fit.value, "live": not streams[0].stored}


def _at(spec: Any, path: Sequence[str]) -> Any:
    for part in path:
        spec = (spec or {}).get(part)
    return spec


def form_for(site: Site, number: str) -> str:
    """The form in which an earlier job can be changed: its kind's where that says all of it, otherwise JSON."""
    spec_form = fill(site, "spec", {"from": number})
    kind = str(json.loads(spec_form.values["spec"])["kind"])
    if kind in FORMS and spec_form.job is not None:
        filled = fill(site, kind, {"from": number})
        if filled.job is not None and filled.job.digest == spec_form.job.digest:
            return kind
    return "spec"


def make_plan(site: Site, filled: Filled, *, base: str) -> PlanView:
    """What would be started, and what is wrong where nothing can be."""
    job = filled.job
    if job is None:
        return PlanView(faults=filled.faults.get("", ()))
    with site.catalog.session() as session:
        equal = find_unfinished(session, job)
    return PlanView(
        title=job.title,
        command=command_of(job),
        curl=post_line(base, job.as_json()),
        estimate=make_estimate(site, job),
        equal=make_job_brief(equal) if equal else None,
        ready=True,
    )


def make_form(site: Site, kind: str, filled: Filled, *, base: str, judged: bool) -> JobFormView:
    """The page of a form; faults are shown once something was filled in."""
    heading, intro = HEADINGS[kind]
    choices = _choices(site)
    may_not = why_no_jobs(site)
    return JobFormView(
        kind=kind,
        heading=heading,
        intro=intro,
        kinds=tuple(
            Choice(key=str(one), label=HEADINGS[one][0], url=urls.new_job(str(one)), current=one == kind)
            for one in FORMS
        ),
        groups=tuple(
            FieldGroup(label=label, fields=tuple(_field(field, filled, choices, judged=judged) for field in fields))
            for label, fields in groupby(FORMS[kind], key=lambda field: field.group)
        ),
        plan=make_plan(site, filled, base=base) if judged or filled.job else PlanView(),
        action=urls.new_job(kind),
        fragment_url=urls.new_job_fragment(kind),
        key=secrets.token_urlsafe(16),
        may_start=not may_not,
        may_not=may_not,
    )


def _field(
    field: Field, filled: Filled, choices: Mapping[str, Sequence[tuple[str, str]]], *, judged: bool
) -> FieldView:
    return FieldView(
        name=field.name,
        label=field.label,
        help=field.help,
        kind=field.kind,
        value=filled.values[field.name],
        choices=tuple(choices.get(field.name, field.choices)),
        suggestions=tuple(field.suggestions),
        required=field.required,
        faults=filled.faults.get(field.name, ()) if judged else (),
    )


def _choices(site: Site) -> dict[str, list[tuple[str, str]]]:
    """Names that the store knows, for the fields that ask for them."""
    with site.catalog.session() as session:
        collections = [(row.slug, f"{row.title} ({row.n_images:,} images)") for row in list_collections(session)]
        rows = list_dictionaries(session, with_atlas=False)
    dictionaries = [(row.slug, row.title) for row in rows]
    single = [(row.slug, row.title) for row in rows if artifact_kind(row.method) is Kind.DICTIONARY]
    others = single[1:] + single[:1]
    return {"collection": collections, "dictionary": dictionaries, "first": single, "second": others}
