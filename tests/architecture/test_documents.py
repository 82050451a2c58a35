"""The documents say what the code does: the atlas schema, every setting, every metric."""

import re
from pathlib import Path

from store.alignment.schema import as_markdown as alignment_as_markdown
from store.atlas.schema import as_markdown
from store.metrics import METRICS
from store.settings import Settings
from tests.architecture.sources import text

DOCS = Path("docs")
BEGIN, END = "<!-- schema: begin -->", "<!-- schema: end -->"


def between(document: str, begin: str, end: str) -> str:
    assert document.count(begin) == document.count(end) == 1, f"one pair of markers {begin} and {end}"
    return document.partition(begin)[2].partition(end)[0].strip()


def in_code(document: str) -> set[str]:
    """Everything that the document sets in backticks."""
    return set(re.findall(r"`([^`\n]+)`", document))


def test_atlas_document_is_the_schema() -> None:
    assert between(text(DOCS / "atlas.md"), BEGIN, END) == as_markdown().strip()


def test_alignment_document_is_the_schema() -> None:
    assert between(text(DOCS / "alignment.md"), BEGIN, END) == alignment_as_markdown().strip()


def test_every_setting_is_documented() -> None:
    prefix = str(Settings.model_config["env_prefix"])
    variables = {f"{prefix}{name}".upper() for name in Settings.model_fields}
    assert variables - in_code(text(DOCS / "settings.md")) == set()


def test_no_setting_is_documented_that_does_not_exist() -> None:
    prefix = str(Settings.model_config["env_prefix"])
    named = {name for name in in_code(text(DOCS / "settings.md")) if name.startswith(prefix) and name != prefix}
    assert named - {f"{prefix}{name}".upper() for name in Settings.model_fields} == set()


def test_every_metric_is_documented() -> None:
    assert set(METRICS) - in_code(text(DOCS / "metrics.md")) == set()
