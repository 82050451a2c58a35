"""Artifacts in a real S3 server: large ones, uploads that are killed, and everything that can be wrong with access."""

import json
import os
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import pytest

from store.artifacts import open_artifacts
from store.artifacts.leftovers import DRAFT, UPLOAD
from store.errors import Unavailable
from store.settings import Settings
from store.vocabulary import Kind
from tests.services.s3 import READER, READERS_SECRET, SECRET, S3Server
from tests.store.artifacts.builder import INPUTS, SPEC, build

pytestmark = pytest.mark.services

LARGE = """
import json, random, sys
from store.artifacts import open_artifacts
from store.settings import Settings
from store.vocabulary import Kind
from tests.store.artifacts.builder import INPUTS, SPEC
artifacts = open_artifacts(Settings(**json.loads(sys.argv[1])))
with artifacts.draft(Kind.ATLAS, SPEC, inputs=INPUTS) as draft:
    (draft.path / "a.txt").write_text("small")
    (draft.path / "large.bin").write_bytes(random.Random(0).randbytes(160 * 2**20))
    print("uploads", flush=True)
    print(artifacts.publish(draft).digest, flush=True)
"""


def start(facts: dict[str, Any]) -> subprocess.Popen[str]:
    """A process that publishes an artifact too large for one part."""
    return subprocess.Popen([sys.executable, "-c", LARGE, json.dumps(facts)], stdout=subprocess.PIPE, text=True)


def test_a_killed_upload_leaves_nothing_to_see_and_the_next_try_succeeds(s3: S3Server, tmp_path: Path) -> None:
    facts = s3.facts(tmp_path / "one")
    here = open_artifacts(Settings(**facts | {"store": tmp_path / "other"}))
    client = s3.client()
    with start(facts) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "uploads\n"
        end = time.monotonic() + 60
        while not client.list_multipart_uploads("artifacts"):
            assert time.monotonic() < end
            assert process.poll() is None
        process.kill()
    assert (here.list(Kind.ATLAS), here.find(Kind.ATLAS, SPEC, inputs=INPUTS)) == ([], None)
    found = open_artifacts(Settings(**facts)).leftovers()
    assert {leftover.what for leftover in found} == {DRAFT, UPLOAD}
    with start(facts) as process:
        digest = process.communicate()[0].split()[-1]
    artifact = here.get(Kind.ATLAS, digest)
    assert artifact.file("large.bin").stat().st_size == 160 * 2**20
    artifact.verify()
    cut_off = here.leftovers()
    assert {leftover.what for leftover in cut_off} == {UPLOAD}  # the parts of the killed one, for the collector
    for leftover in cut_off:
        here.remove(leftover)
    assert here.leftovers() == []
    here.get(Kind.ATLAS, digest).verify()
    here.close()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"s3_secret_key": "wrong-secret-value"}, r"refuses our credentials \(SignatureDoesNotMatch\).*S3_SECRET_KEY"),
        ({"s3_access_key": "AKIAUNKNOWN"}, r"refuses our credentials \(InvalidAccessKeyId\).*S3_ACCESS_KEY"),
        ({"s3_access_key": None, "s3_secret_key": None}, r"There are no credentials for s3://.*AWS_ACCESS_KEY_ID"),
        ({"artifacts_url": "s3://nowhere/prefix"}, r"The bucket 'nowhere' of s3://nowhere/prefix does not exist"),
        ({"s3_endpoint": "http://127.0.0.1:1"}, r"at http://127\.0\.0\.1:1 does not answer .*S3_ENDPOINT"),
        ({"s3_access_key": READER, "s3_secret_key": READERS_SECRET}, r"does not allow this in s3://.*\(AccessDenied\)"),
    ],
)
def test_what_is_wrong_with_access_is_one_clear_line(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], said: str
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    artifacts = open_artifacts(Settings(**s3.facts(tmp_path) | changes))
    with pytest.raises(Unavailable, match=said) as told:
        artifacts.check()
    assert "\n" not in str(told.value)
    if changes.get("s3_access_key") != READER:  # who may read, though not write
        with pytest.raises(Unavailable, match=said):
            artifacts.check_readable()
    whole = "".join(traceback.format_exception(told.value)) + repr(artifacts)
    for secret in (SECRET, READERS_SECRET, "wrong-secret-value"):
        assert secret not in whole
    artifacts.close()


def test_a_server_that_is_down_is_told_and_used_again_when_it_is_back(s3: S3Server, tmp_path: Path) -> None:
    facts = s3.facts(tmp_path / "one")
    built = build(open_artifacts(Settings(**facts)), text="hello")
    other = open_artifacts(Settings(**facts | {"store": tmp_path / "other"}))
    found = other.get(Kind.ATLAS, built.digest)
    s3.stop()
    try:
        with pytest.raises(Unavailable, match="does not answer"):
            found.file("a.txt")
    finally:
        s3.start()
    assert found.file("a.txt").read_text() == "hello"
