"""Settings of the collector: one typed tree, from a TOML file and environment variables.

A variable's name is ``GJOVIK_`` and the path with double underscores, for example ``GJOVIK_MQTT__HOST``; it overrides
the file. Unknown keys and variables are refused. Secrets come from a file that a ``password_file`` names, or from the
environment; a ``password`` in the settings file is refused, none has a default, and none is ever printed.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

VARIABLE_PREFIX = "GJOVIK_"
VARIABLE_DELIMITER = "__"
QUARANTINE_PART = 4
"""The part of the store's bound that the quarantine may take: on disk its entries need up to twice their bytes."""

Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]


class Part(BaseModel):
    """A branch of the tree: unknown keys are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Tls(Part):
    """Encryption of a connection."""

    enabled: bool = Field(default=False, description="Use TLS.")
    ca_file: Path | None = Field(
        default=None, description="Certificate authorities to trust (PEM); the system's when left out."
    )
    cert_file: Path | None = Field(default=None, description="The collector's own certificate (PEM), if asked for.")
    key_file: Path | None = Field(default=None, description="Key of that certificate (PEM).")


class Mqtt(Part):
    """The broker that readings come from. It must speak MQTT 5."""

    host: str = Field(default="127.0.0.1", pattern=r"^[^\s\x00/]+$", description="Host name or address of the broker.")
    port: int = Field(default=1883, ge=1, le=65535, description="Port of the broker.")
    username: str = Field(
        default="collector",
        pattern=r"^[^/+#\x00]+$",
        description="Account at the broker; also the client identifier, and the name under which it tells of itself.",
    )
    password: SecretStr | None = Field(default=None, description="Secret; only from the environment.")
    password_file: Path | None = Field(default=None, description="File that holds the password.")
    topic_prefix: str = Field(
        default="gjovik",
        pattern=r"^[^/+#\x00]+(/[^/+#\x00]+)*$",
        description="Beginning of every topic: <prefix>/<site>/<device>/reading.",
    )
    keep_alive_s: int = Field(default=30, ge=5, le=65535, description="Seconds between signs of life.")
    session_expiry_s: int = Field(
        default=7 * 24 * 3600,
        ge=60,
        le=0xFFFFFFFF,
        description="Seconds that the broker keeps messages for a collector that is away.",
    )
    lost_after_s: int = Field(
        default=60,
        ge=0,
        le=86_400,
        description="Seconds without a connection after which the broker tells that the collector is lost.",
    )
    sites: tuple[Annotated[str, Field(pattern=r"^[^/+#\x00]+$")], ...] = Field(
        default=(),
        description="Sites whose readings this collector takes; all when empty. Several collectors that judge alerts "
        "divide the sites among them.",
    )
    share: str | None = Field(
        default=None,
        pattern=r"^[^/+#\x00]+$",
        description="Group of a shared subscription: its collectors divide the messages among them, and judge no "
        "alerts.",
    )
    broker_memory_bytes: int = Field(
        default=1024**3,
        ge=0,
        le=2**50,
        description="Memory that the broker's host can spare for readings that wait; only for the stated capacity.",
    )
    tls: Tls = Field(default=Tls(), description="Encryption.")


class Influx(Part):
    """The database that readings are written to: InfluxDB 1.6 or later, or 2.x with its 1.x interface."""

    url: str = Field(
        default="http://127.0.0.1:8086", pattern=r"^https?://[^/@]+/?$", description="Address of the server."
    )
    database: str = Field(
        default="sensors", pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", description="Database; on 2.x the bucket."
    )
    username: str = Field(
        default="collector", pattern=r"^[^:]+$", description="Account, without a colon; on 2.x any word."
    )
    password: SecretStr | None = Field(default=None, description="Secret; on 2.x the token. Environment only.")
    password_file: Path | None = Field(default=None, description="File that holds the password or token.")
    ca_file: Path | None = Field(
        default=None, description="Certificate authorities to trust (PEM); the system's when left out."
    )
    timeout_s: Seconds = Field(default=30.0, description="Seconds to wait for an answer to one request.")
    max_body_bytes: int = Field(
        default=4_000_000,
        ge=10_000,
        le=20_000_000,
        description="Most bytes of lines, before gzip, in one request.",
    )
    requests_in_flight: int = Field(
        default=3, ge=1, le=16, description="Most requests at a time while the outbox is being emptied."
    )
    _part: str = PrivateAttr(default="influx")

    @property
    def part(self) -> str:
        """Name of the part of the settings that says which database and account these are."""
        return self._part

    def named(self, part: str) -> Self:
        """Return the same, said by another part of the settings."""
        copied = self.model_copy()
        copied._part = part  # noqa: SLF001 - of the same class
        return copied


class Health(Part):
    """The database of what tells of people's health. Server, certificate, waits and sizes are those of `influx`."""

    database: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$",
        description="Database; on 2.x the bucket. Another one than `influx.database`, which only those read who may "
        "see such data. When left out, devices of types of class health are refused in the inventory.",
    )
    username: str = Field(
        default="collector-health",
        pattern=r"^[^:]+$",
        description="Account that may write there, without a colon; on 2.x any word.",
    )
    password: SecretStr | None = Field(default=None, description="Secret; on 2.x the token. Environment only.")
    password_file: Path | None = Field(default=None, description="File that holds the password or token.")


class Store(Part):
    """The collector's own disk: outbox, quarantine, alert states, ledger."""

    folder: Path = Field(default=Path("var/collector"), description="Folder of the SQLite file and the status file.")
    most_bytes: int = Field(
        default=2 * 1024**3,
        ge=16 * 1024**2,
        le=2**50,
        description="Most bytes of database and write-ahead log. Above it nothing is acknowledged until there is room.",
    )
    reserve_bytes: int = Field(
        default=64 * 1024**2,
        ge=0,
        le=2**40,
        description="Kept free on the disk by a file of this size; it is given up when the disk is full, so that "
        "readings can still leave the outbox.",
    )
    hours_days: int = Field(
        default=92, ge=1, le=3_660, description="How many days back `gjovik reconcile` can compare."
    )


class Quarantine(Part):
    """How long refused payloads and lines are kept for a repair."""

    days: int = Field(default=90, ge=1, le=3_660, description="Days after which an entry expires.")
    most_bytes: int = Field(
        default=512 * 1024**2,
        ge=1024**2,
        le=2**50,
        description="Most bytes of payloads, and never more than a quarter of `store.most_bytes`; above it the oldest "
        "entries of the largest group expire.",
    )
    most_entries_each: int = Field(
        default=10_000,
        ge=1,
        le=2**50,
        description="Most entries of one device and one reason; above it the oldest of them expire.",
    )

    def within(self, store: Store) -> Self:
        """Return the same for a store: what was refused must not take the room of the readings that are waited for."""
        most_bytes = min(self.most_bytes, store.most_bytes // QUARANTINE_PART)
        return self.model_copy(update={"most_bytes": most_bytes})


class Ingest(Part):
    """What is taken and how it is gathered."""

    accept_simulated: bool = Field(
        default=False, description="Accept readings that say they are simulated. Never in production."
    )
    max_payload_bytes: int = Field(
        default=65_536, ge=256, le=268_435_455, description="A larger payload is quarantined unread."
    )
    source_payload_bytes: int = Field(
        default=8_388_608,
        ge=256,
        le=268_435_455,
        description="Likewise, of a source: a bridge may describe all its devices in one payload.",
    )
    kept_payload_bytes: int = Field(
        default=65_536,
        ge=64,
        le=268_435_455,
        description="Of a quarantined payload larger than this, only its beginning, length and hash are kept, and it "
        "cannot be reprocessed.",
    )
    batch_messages: int = Field(default=5_000, ge=1, le=60_000, description="Most messages in one commit.")
    batch_age_ms: int = Field(default=150, ge=1, le=5_000, description="Longest wait for more before a commit.")
    drain_s: Seconds = Field(default=20.0, description="Seconds to finish what was begun when told to stop.")


class Heartbeat(Part):
    """An outside watcher: it is told that the collector lives, and raises the alarm when that stops."""

    url: str | None = Field(
        default=None, pattern=r"^https?://", description="Address that gets a GET at each interval."
    )
    interval_s: Seconds = Field(default=60.0, description="Seconds between two.")


class Metrics(Part):
    """Figures for Prometheus, over HTTP; whoever reaches the address may read them."""

    listen: str | None = Field(
        default=None,
        pattern=r"^(\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):[0-9]{1,5}$",
        description="Host and port, for example 127.0.0.1:9464; nothing is served when left out.",
    )


class Alerts(Part):
    """What becomes of alerts that fired."""

    contacts: Path | None = Field(
        default=None, description="File that says who is told of what (`deploy/notify.toml`); nobody when left out."
    )
    keep_days: int = Field(default=366, ge=30, le=3_660, description="Days that a closed incident is kept.")
    late_s: Seconds = Field(
        default=600.0,
        description="An alert of a reading that came so much later is told only when all that waited has come, and "
        "only if it still fires then.",
    )


class Settings(BaseSettings):
    """Everything a collector can be told."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix=VARIABLE_PREFIX, env_nested_delimiter=VARIABLE_DELIMITER
    )

    inventory: Path = Field(default=Path("deploy/inventory"), description="Folder of the inventory's TOML files.")
    rules: Path = Field(default=Path("deploy/rules"), description="Folder of the alert rules' TOML files.")
    sources: Path | None = Field(
        default=None,
        description="Folder of the sources' TOML files: network servers, gateways and bridges with formats of their "
        "own; none when left out. Of several collectors only one reads a source.",
    )
    mqtt: Mqtt = Field(default=Mqtt(), description="The broker.")
    influx: Influx = Field(default=Influx(), description="The database.")
    health: Health = Field(default=Health(), description="The database of what tells of people's health.")
    store: Store = Field(default=Store(), description="The collector's own disk.")
    quarantine: Quarantine = Field(default=Quarantine(), description="How long refused payloads are kept.")
    ingest: Ingest = Field(default=Ingest(), description="What is taken and how it is gathered.")
    heartbeat: Heartbeat = Field(default=Heartbeat(), description="An outside watcher.")
    metrics: Metrics = Field(default=Metrics(), description="Figures for Prometheus.")
    alerts: Alerts = Field(default=Alerts(), description="What becomes of alerts that fired.")

    @property
    def health_influx(self) -> Influx | None:
        """How the database of what tells of people's health is reached; None where there is none."""
        health = self.health
        if health.database is None:
            return None
        influx = self.influx.model_copy(update={name: getattr(health, name) for name in Health.model_fields})
        return influx.named("health")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic-settings passes them all by name
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what the constructor is given and nothing behind its back; ``load_settings`` reads the rest."""
        return (init_settings,)


def list_settings(
    model: type[BaseModel] = Settings, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], FieldInfo]]:
    """Yield every leaf of the settings' tree with its path."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from list_settings(field.annotation, (*path, name))
        else:
            yield (*path, name), field


def name_variable(path: tuple[str, ...]) -> str:
    """Return the environment variable of a setting: ``GJOVIK_MQTT__HOST`` of ``mqtt.host``."""
    return VARIABLE_PREFIX + VARIABLE_DELIMITER.join(path).upper()
