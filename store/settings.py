"""Settings: where we run. The only door to the environment; every name starts with ``CONCEPTOSCOPE_``."""

from pathlib import Path
from typing import Literal

from pydantic import ByteSize, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Frozen settings; what each means stands in ``docs/settings.md``."""

    model_config = SettingsConfigDict(env_prefix="CONCEPTOSCOPE_", frozen=True, extra="ignore")

    store: Path = Field(Path("conceptoscope-store"), description="folder of artifacts and catalog")
    database_url: str | None = Field(
        None, repr=False, description="SQLAlchemy URL of the catalog; SQLite in the store when empty"
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
    start_jobs: bool | None = Field(
        None, description="whether visitors may start and stop jobs; when empty, where only this machine can visit"
    )
    demo_photos: Path | None = Field(None, description="folder of the demo photos; those of `make setup` when empty")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="how much is logged")

    @property
    def visitors_may_start_jobs(self) -> bool:
        """Whether the web program starts and stops jobs; unless set, only where it listens on this machine alone."""
        return self.host in ("127.0.0.1", "localhost", "::1") if self.start_jobs is None else self.start_jobs

    @property
    def is_elsewhere(self) -> bool:
        """Whether neither artifacts nor catalog live in the store's folder, which is scratch then."""
        return bool(self.artifacts_url and self.database_url)

    @property
    def catalog_url(self) -> str:
        """SQLAlchemy URL of the catalog."""
        return self.database_url or f"sqlite:///{(self.store / 'catalog.sqlite').absolute()}"

    @property
    def engine_url(self) -> str:
        """SQLAlchemy URL of the job engine's tables: a schema of the catalog's database, or SQLite in the store."""
        if self.catalog_url.startswith("sqlite"):
            return f"sqlite:///{(self.store / 'jobs.sqlite').absolute()}"
        return self.catalog_url
