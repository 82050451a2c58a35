"""Settings: where we run. The only door to the environment; every name starts with ``CONCEPTOSCOPE_``.

A value may also stand in a file of that name, in the folder that ``CONCEPTOSCOPE_SECRETS_DIR`` names: so secrets reach
containers without being seen in their environment. A variable wins over a file.
"""

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import ByteSize, Field, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SecretsSettingsSource, SettingsConfigDict

from store.errors import InvalidInput
from store.vocabulary import Access

_PREFIX = "CONCEPTOSCOPE_"
_SECRETS_DIR = f"{_PREFIX}SECRETS_DIR"


class Settings(BaseSettings):
    """Frozen settings; what each means stands in ``docs/settings.md``."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True, extra="ignore")

    store: Path = Field(Path("conceptoscope-store"), description="folder of artifacts and catalog")
    database_url: str | None = Field(
        None, repr=False, description="SQLAlchemy URL of the catalog; SQLite in the store when empty"
    )
    database_password: SecretStr | None = Field(None, description="password for a database_url that has none")
    secrets_dir: Path | None = Field(
        None, description="folder of files that are named as variables are, one value each"
    )
    worker_name: str | None = Field(None, description="name of the worker; the host's, numbered, when empty")
    lost_after_s: float = Field(
        30.0, ge=1, le=3600, description="seconds without a sign of life after which a worker's jobs go to others"
    )
    artifacts_url: str | None = Field(None, description="s3://BUCKET/PREFIX of the artifacts; the store when empty")
    cache_bytes: ByteSize = Field(
        ByteSize(20 * 2**30), ge=0, description="most that artifacts from a URL take in the store"
    )
    s3_endpoint: str | None = Field(None, description="address of the S3 server; AWS when empty")
    s3_access_key: SecretStr | None = Field(None, description="access key; what AWS's variables say when empty")
    s3_secret_key: SecretStr | None = Field(None, description="secret key; what AWS's variables say when empty")
    s3_region: str | None = Field(None, description="region; what AWS's variables say when empty")
    host: str = Field("127.0.0.1", description="address the web program listens on")
    port: int = Field(8600, ge=0, le=65535, description="port the web program listens on; 0 takes a free one")
    access: Access | None = Field(
        None, description="who may visit; `local` when empty and only this machine can, otherwise it must be chosen"
    )
    hosts: str = Field("", description="names under which visitors reach the web program, with commas")
    proxies: str = Field("", description="addresses of proxies whose X-Forwarded headers are believed, with commas")
    session_kept_s: float = Field(
        604_800.0, ge=60, le=31_536_000, description="seconds after which a browser has to sign in again"
    )
    rate_reads: int = Field(3000, ge=0, description="answers a visitor gets in a minute; 0 sets no limit")
    rate_changes: int = Field(60, ge=0, description="changes a visitor may make in a minute; 0 sets no limit")
    rate_analyses: int = Field(20, ge=0, description="times a visitor may ask the encoder in a minute; 0: no limit")
    uploads_per_day: ByteSize = Field(
        ByteSize(512 * 2**20), ge=0, description="most that a visitor may upload in a day; 0 sets no limit"
    )
    audit_log: Path | None = Field(None, description="file that gets a line for each change; the log when empty")
    start_jobs: bool | None = Field(
        None,
        description="whether the web program starts and stops jobs; when empty, where only this machine can visit, "
        "or where tokens say who may",
    )
    annotate: bool | None = Field(
        None, description="whether visitors may label, comment and keep lists; when empty, where only this machine can"
    )
    encoder_url: str | None = Field(
        None, description="address of the encoder, for the web program; what the next two say when empty"
    )
    encoder_host: str = Field("127.0.0.1", description="address the encoder listens on")
    encoder_port: int = Field(8601, ge=1, le=65535, description="port the encoder listens on")
    encoder_secret: SecretStr | None = Field(None, description="what the web program and the encoder both know")
    encoder_memory_bytes: ByteSize = Field(
        ByteSize(4 * 2**30), ge=2**20, description="most that the encoder holds of models and dictionaries"
    )
    encoder_queue: int = Field(16, ge=1, le=1024, description="requests that the encoder takes in at once")
    encoder_patience_s: float = Field(30.0, gt=0, le=600, description="seconds after which the encoder gives up")
    encoder_decoders: int = Field(2, ge=1, le=64, description="processes that decode photos")
    upload_bytes: ByteSize = Field(ByteSize(32 * 2**20), ge=1024, description="largest photo that a visitor may give")
    upload_pixels: int = Field(64_000_000, ge=1, description="most pixels of a photo that a visitor may give")
    analysis_kept_s: float = Field(
        86_400.0, ge=60, le=2_592_000, description="seconds after which a visitor's photo and its analysis are deleted"
    )
    analyses_dir: Path | None = Field(
        None, description="folder of visitors' photos, the same for all web programs; in the store when empty"
    )
    analyses_bytes: ByteSize = Field(ByteSize(4 * 2**30), ge=0, description="most that all analyses take in the store")
    analyses_max: int = Field(4000, ge=0, description="most analyses that are kept at once")
    demo_photos: Path | None = Field(None, description="folder of the demo photos; those of `make setup` when empty")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="how much is logged")

    @property
    def visitors_may_start_jobs(self) -> bool:
        """Whether the web program starts and stops jobs; unless set, not where all who reach it are trusted."""
        if self.start_jobs is not None:
            return self.start_jobs
        return self.is_here or self.access in (Access.TOKENS, Access.READ_ONLY_PUBLIC)

    @property
    def visitors_may_annotate(self) -> bool:
        """Whether the web program takes labels, comments and lists; unless set, not where all are trusted."""
        if self.annotate is not None:
            return self.annotate
        return self.is_here or self.access in (Access.TOKENS, Access.READ_ONLY_PUBLIC)

    @property
    def is_here(self) -> bool:
        """Whether the web program listens on this machine's own address only."""
        return is_loopback(self.host)

    @property
    def chosen_access(self) -> Access:
        """Who may visit; raises ``InvalidInput`` where others could and nobody has chosen."""
        if self.access is None and not self.is_here:
            raise InvalidInput(
                f"Others can reach {self.host}, so say who may visit: --access tokens (see `conceptoscope tokens`), "
                "--read-only-public, or --access local if only this machine reaches the port."
            )
        return self.access or Access.LOCAL

    @property
    def encoder_address(self) -> str:
        """Where the web program finds the encoder."""
        return (self.encoder_url or f"http://{_in_url(self.encoder_host)}:{self.encoder_port}").rstrip("/")

    @property
    def is_elsewhere(self) -> bool:
        """Whether neither artifacts nor catalog live in the store's folder, which is scratch then."""
        return bool(self.artifacts_url and self.database_url)

    @property
    def catalog_url(self) -> str:
        """SQLAlchemy URL of the catalog."""
        if not self.database_url:
            return f"sqlite:///{(self.store / 'catalog.sqlite').absolute()}"
        return _with_password(self.database_url, self.database_password)

    @property
    def engine_url(self) -> str:
        """SQLAlchemy URL of the job engine's tables: a schema of the catalog's database, or SQLite in the store."""
        if self.catalog_url.startswith("sqlite"):
            return f"sqlite:///{(self.store / 'jobs.sqlite').absolute()}"
        return self.catalog_url

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 the library names it
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 the same
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What a caller gives, then the environment, then files. Raises ``InvalidInput`` for a folder that is none."""
        folder = os.environ.get(_SECRETS_DIR)
        if not folder:
            return init_settings, env_settings
        if not Path(folder).is_dir():
            raise InvalidInput(
                f"{_SECRETS_DIR} is '{folder}', which is no folder: name the one that holds the secrets."
            )
        return init_settings, env_settings, SecretsSettingsSource(settings_cls, secrets_dir=folder)


def environment_with(changes: Mapping[str, str]) -> dict[str, str]:
    """Our own environment for a program that we start, with settings changed by their names."""
    return os.environ | {f"{_PREFIX}{name.upper()}": value for name, value in changes.items()}


def is_loopback(host: str) -> bool:
    """Whether a name or address means the machine itself."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _with_password(url: str, password: SecretStr | None) -> str:
    """A URL with the password in it, unless it has one or names no user."""
    parts = urlsplit(url)
    if password is None or parts.username is None or parts.password is not None:
        return url
    user, _, place = parts.netloc.rpartition("@")
    secret = quote(password.get_secret_value(), safe="")
    return urlunsplit(parts._replace(netloc=f"{user}:{secret}@{place}"))
