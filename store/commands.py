"""The command line that asks for a job, as ``conceptoscope ... --detach``; a test reads each back into its job."""

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from store.jobs import AlignJob, AnyJob, ExtractJob, IndexJob, IngestJob, TrainJob
from store.methods import AnyDictionarySpec
from store.presets import PRESETS, Preset
from store.specs import AlignmentSpec, AtlasSpec, ClassRule, CollectionSpec, ExtractionSpec

_AS_OPTIONS = ("n_concepts", "n_active", "seed", "epochs")


def command_of(job: AnyJob) -> str | None:
    """The command, or None where options cannot say all that the job does: the API can."""
    words = _words(job)
    if words is None:
        return None
    again = ["--rebuild"] if job.rebuild else []
    return shlex.join(["conceptoscope", *words, *again, "--detach"])


def _words(job: AnyJob) -> list[str] | None:
    match job:
        case IngestJob():
            return _ingest(job)
        case ExtractJob():
            return _reading("extract", job)
        case TrainJob():
            return _train(job)
        case IndexJob():
            return _index(job)
        case AlignJob():
            return _align(job)
        case _:
            return None


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
    changes = dict(_changes(one.spec, preset))
    if any(isinstance(value, str) and "," in value for value in changes.values()):
        return None
    options = {f"--{name.replace('_', '-')}": changes.pop(name, None) for name in _AS_OPTIONS}
    named = {"--preset": preset.name, "--slug": one.slug, "--title": one.title}
    fields = [word for name, value in changes.items() for word in ("--set", f"{name}={_value(value)}")]
    return [*reading, *_options(named | options), *fields]


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
    return min(alike, key=lambda preset: len(list(_changes(spec, preset))), default=None)


def _changes(spec: AnyDictionarySpec, preset: Preset) -> Iterator[tuple[str, Any]]:
    before = preset.spec.as_json()
    return ((name, value) for name, value in spec.as_json().items() if value != before[name])


def _value(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _unless(value: Any, usual: Any) -> Any:
    return None if value == usual else value


def _options(values: dict[str, Any]) -> list[str]:
    return [word for name, value in values.items() if value is not None for word in (name, str(value))]
