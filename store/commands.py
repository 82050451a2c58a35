"""The command line that asks for a job, as ``conceptoscope ... --detach``; a test reads each back into its job."""

import json
import shlex
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from store.errors import InvalidInput
from store.jobs import AlignJob, AnyJob, ExtractJob, IndexJob, IngestJob, TrainJob, UniversalJob
from store.methods import AnyDictionarySpec
from store.presets import DEMO_UNIVERSAL, PRESETS, Preset
from store.specs import AlignmentSpec, AtlasSpec, ClassRule, CollectionSpec, ExtractionSpec, Spec
from store.streams import parse_streams, write_streams
from store.vocabulary import JobKind

_AS_OPTIONS = ("n_concepts", "n_active", "seed", "epochs")


def command_of(job: AnyJob) -> str | None:
    """The command, or None where options cannot say all that the job does: the API can."""
    words = _words(job)
    if words is None:
        return None
    again = ["--rebuild"] if job.rebuild else []
    return shlex.join(["conceptoscope", *words, *again, "--detach"])


def _words(job: AnyJob) -> list[str] | None:
    makers: dict[JobKind, Callable[[Any], list[str] | None]] = {
        JobKind.INGEST: _ingest,
        JobKind.EXTRACT: partial(_reading, "extract"),
        JobKind.TRAIN: _train,
        JobKind.UNIVERSAL: _universal,
        JobKind.INDEX: _index,
        JobKind.ALIGN: _align,
    }
    maker = makers.get(job.kind)
    return maker(job) if maker else None


def _ingest(job: IngestJob) -> list[str] | None:
    spec, rule = job.collection, job.collection.classes
    said = CollectionSpec(
        slug=spec.slug,
        title=spec.title,
        held_out=spec.held_out,
        classes=ClassRule(by=rule.by, csv=rule.csv, prefix=rule.prefix),
    )
    if said != spec:
        return None
    options = {"--slug": spec.slug, "--title": spec.title, "--classes": rule.by, "--csv": rule.csv}
    more = {"--prefix": _unless(rule.prefix, 1), "--held-out": _unless(spec.held_out, 0.15)}
    return ["ingest", str(job.folder), *_options(options | more)]


def _reading(command: str, job: ExtractJob | TrainJob) -> list[str] | None:
    spec = job.extraction
    said = ExtractionSpec(
        model=spec.model,
        layer=spec.layer,
        weights_sha256=spec.weights_sha256,
        height_px=spec.height_px,
        width_px=spec.width_px,
        fit=spec.fit,
        stored=spec.stored,
    )
    sized = (spec.height_px is None) == (spec.width_px is None)
    if said != spec or not sized or bool(spec.weights_sha256) != bool(job.weights):
        return None
    size = f"{spec.height_px}x{spec.width_px}" if spec.height_px else None
    options = {"--model": spec.model, "--layer": spec.layer, "--size": size, "--fit": spec.fit.value}
    flags = [] if spec.stored else ["--live"]
    return [command, job.collection, *_options(options | {"--weights": job.weights}), *flags]


def _train(job: TrainJob) -> list[str] | None:
    reading = _reading("train", job)
    if reading is None or len(job.dictionaries) > 1:
        return None
    one = job.dictionaries[0]
    preset = nearest_preset(one.spec)
    if preset is None:
        return None
    changes = dict(_changes(one.spec, preset.spec))
    if any(isinstance(value, str) and "," in value for value in changes.values()):
        return None
    named = {"--preset": preset.name, "--slug": one.slug, "--title": one.title}
    return [*reading, *_options(named), *_changed(changes)]


def _universal(job: UniversalJob) -> list[str] | None:
    first, text = job.streams[0], write_streams(job.streams)
    try:
        plain = parse_streams(text, fit=first.fit, stored=first.stored)
    except InvalidInput:  # a name that holds what parts names
        return None
    given = {stream.model for stream in job.streams if stream.weights_sha256}
    said = tuple(stream.model_copy(update={"weights_sha256": None}) for stream in job.streams)
    if plain != said or given != job.weights.keys():
        return None
    options = {"--streams": text, "--fit": first.fit.value, "--slug": job.slug, "--title": job.title}
    weights = [word for model, path in job.weights.items() for word in ("--weights", f"{model}={path}")]
    flags = [] if first.stored else ["--live"]
    changes = _changed(dict(_changes(job.spec, DEMO_UNIVERSAL)))
    return ["universal", job.collection, *_options(options), *changes, *weights, *flags]


def _changed(changes: dict[str, Any]) -> list[str]:
    """Options for some fields of a spec, and ``--set`` for all others."""
    options = {f"--{name.replace('_', '-')}": changes.pop(name, None) for name in _AS_OPTIONS}
    fields = [word for name, value in changes.items() for word in ("--set", f"{name}={_value(value)}")]
    return [*_options(options), *fields]


def _index(job: IndexJob) -> list[str] | None:
    if AtlasSpec(n_examples=job.atlas.n_examples) != job.atlas:
        return None
    examples = _options({"--n-examples": _unless(job.atlas.n_examples, 16)})
    return ["atlas", job.dictionary, *examples, *_weights_again(job.weights)]


def _align(job: AlignJob) -> list[str] | None:
    if AlignmentSpec() != job.alignment:
        return None
    return ["align", job.first, job.second, *_weights_again(job.weights)]


def _weights_again(paths: Sequence[Path]) -> list[str]:
    return [word for path in paths for word in ("--weights", str(path))]


def nearest_preset(spec: AnyDictionarySpec) -> Preset | None:
    """The preset of the same method that differs in fewest fields."""
    alike = [preset for preset in PRESETS if type(preset.spec) is type(spec)]
    return min(alike, key=lambda preset: len(list(_changes(spec, preset.spec))), default=None)


def _changes(spec: Spec, start: Spec) -> Iterator[tuple[str, Any]]:
    before = start.as_json()
    return ((name, value) for name, value in spec.as_json().items() if value != before[name])


def _value(value: Any) -> str:
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)


def _unless(value: Any, usual: Any) -> Any:
    return None if value == usual else value


def _options(values: dict[str, Any]) -> list[str]:
    return [word for name, value in values.items() if value is not None for word in (name, str(value))]
