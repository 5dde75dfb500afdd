# SPDX-License-Identifier: Apache-2.0
"""The settings of a server: options of `vmalab serve`, or VMALAB_* in the environment."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Self

from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from vmalab_native import cores, machine
from vmalab_native import slab as slabs
from vmalab_native.errors import InvalidArgument
from vmalab_native.records import QUOTAS, RcuFlavour, SegmentConfig, WriterWait
from vmalab_server.limits import RULES, Limits
from vmalab_server.logs import Format, Level
from vmalab_server.threads import Threads

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

PORT_DEFAULT = 7420
_UNIX_PATH_BYTES_MAX = 107
_OTHERS = 2  # a look from outside, and one process that attaches


Front = Literal["bounded", "pool", "cq"]
"""Which calls a worker answers in the thread that gRPC serves with: those that are bounded, none;
those that are bounded in a loop of our own."""


class ConfigError(Exception):
    """An option is wrong: one line that says which and what would be right."""


def split_address(address: str) -> tuple[str, int]:
    """(host, port) of "host:port" or "[v6]:port". Raises ValueError."""
    found = re.fullmatch(r"(?:\[([^\]]+)\]|([^:\[\]]*)):(\d{1,5})", address.strip())
    if found is None or int(found[3]) > 65535:
        raise ValueError(f"{address!r} is not host:port, as 127.0.0.1:{PORT_DEFAULT}")
    return found[1] or found[2] or "127.0.0.1", int(found[3])


def join_address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_wildcard(host: str) -> bool:
    """Whether an address stands for all of this machine's: 0.0.0.0 or ::."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


class ServerConfig(BaseSettings):
    """One instance. Each field can be set as VMALAB_<NAME> in the environment."""

    model_config = SettingsConfigDict(
        env_prefix="VMALAB_",
        frozen=True,
        extra="forbid",
        env_nested_delimiter="__",
        validate_default=True,
    )

    instance: str = "default"
    listen: str = f"127.0.0.1:{PORT_DEFAULT}"
    advertise_host: str = ""
    workers: int = Field(2, ge=1, le=64)
    threads: int = Field(6, ge=1, le=64)
    pin: Literal["auto", "on", "off"] = "auto"
    unix_dir: Path | None = None
    bench: bool = False
    front: Front = "bounded"
    lab: bool = False
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_client_ca: Path | None = None
    token_file: Path | None = None
    share: Literal["auto", "all", "own"] = "auto"
    replace_stale: bool = False
    metrics_listen: str = ""
    log_level: Level = "info"
    log_format: Format = "auto"
    stop_grace_s: float = Field(5.0, ge=0, le=3600)
    hold_grace_s: float = Field(2.0, ge=0.05, le=3600)
    ttl_default_s: float = Field(30.0, ge=0.05, le=3600)
    hung_after_s: float = Field(10.0, ge=0, le=86400)
    start_timeout_s: float = Field(600.0, gt=0, le=3600)
    model: str = ""
    layout: str = ""
    size_bytes: int = 1 << 30
    mms_max: int = 1024
    participants_max: int = 256
    frames_max: int = 1 << 22
    files_max: int = 4096
    vmas_per_mm_max: int = 65530
    tables_per_mm_max: int = Field(0, ge=0)
    frames_per_mm_max: int = Field(0, ge=0)
    account_frames_max: int = Field(0, ge=0)
    account_tables_max: int = Field(0, ge=0)
    account_vmas_max: int = Field(0, ge=0)
    account_files_max: int = Field(0, ge=0)
    account_mms_max: int = Field(0, ge=0)
    rcu: RcuFlavour = "auto"
    lookup: cores.Lookup = Field(default_factory=cores.default_lookup)
    writer_wait: WriterWait = "sleep"
    slab: str = ""
    events: Literal["on", "off"] = "on"
    sample_faults: int = Field(1024, ge=0, le=1 << 30)
    pkeys: machine.Switch = "machine"
    overcommit: Literal["machine", "0", "1", "2"] = "machine"
    limits: Limits = Field(default_factory=Limits)

    @field_validator("instance")
    @classmethod
    def _instance(cls, value: str) -> str:
        if re.fullmatch(r"[a-z0-9_-]{1,32}", value) is None:
            raise ValueError(f"{value!r} is not a name: 1 to 32 of a-z 0-9 _ -")
        return value

    @field_validator("listen", "metrics_listen")
    @classmethod
    def _address(cls, value: str) -> str:
        if value:
            split_address(value)
        return value

    @field_validator("unix_dir")
    @classmethod
    def _unix_dir(cls, value: Path | None) -> Path | None:
        if value is None:
            return None
        absolute = value.absolute()
        length = len(os.fsencode(absolute / "worker-63.sock"))
        if length > _UNIX_PATH_BYTES_MAX:
            raise ValueError(
                f"socket paths in {absolute} have {length} bytes, at most {_UNIX_PATH_BYTES_MAX}"
            )
        return absolute

    @field_validator("model", "layout")
    @classmethod
    def _named(cls, value: str, info: ValidationInfo) -> str:
        default = cores.DEFAULT_MODEL if info.field_name == "model" else cores.DEFAULT_LAYOUT
        named = value or default
        if info.field_name == "model":
            return named
        try:
            named = cores.named(named)
        except InvalidArgument as error:
            raise ValueError(error.detail) from None
        return cores.lab_layout(named) if info.data.get("lab", False) else named

    @model_validator(mode="after")
    def _core(self) -> Self:
        try:
            cores.check(self.model, self.layout)
        except InvalidArgument as error:
            raise ValueError(error.detail) from None
        return self

    @model_validator(mode="after")
    def _secure(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key go together: give both")
        if self.tls_client_ca is not None and self.tls_cert is None:
            raise ValueError("tls_client_ca goes with tls_cert and tls_key: give all three")
        host = split_address(self.listen)[0]
        if not is_loopback(host) and (self.tls_cert is None or self.token_file is None):
            raise ValueError(
                f"listen {self.listen}: an address that others can reach needs tls_cert, tls_key"
                " and token_file"
            )
        if self.metrics_listen and not is_loopback(split_address(self.metrics_listen)[0]):
            raise ValueError(f"metrics_listen {self.metrics_listen}: loopback addresses only")
        return self

    @model_validator(mode="after")
    def _fronts(self) -> Self:
        if self.front == "cq" and (self.lab_core or self.token_file or not self.share_all):
            raise ValueError(
                "front cq: with the lab, with tokens or with share own all calls go to threads:"
                " give bounded or pool"
            )
        return self

    @model_validator(mode="after")
    def _sizes(self) -> Self:
        try:
            self.segment()
        except InvalidArgument as error:
            raise ValueError(error.detail) from None
        least = self.participants_least
        if self.participants_max < least:
            raise ValueError(
                f"participants_max = {self.participants_max}: workers = {self.workers} and threads"
                f" = {self.threads} need at least {least}: raise participants_max, or lower the"
                " others"
            )
        return self

    @property
    def participants_least(self) -> int:
        """Every thread of every worker, its streams, the supervisor, and those who look in.

        How many streams there are does not matter: threads.py says why.
        """
        return 1 + self.workers * self.worker_threads.participants + _OTHERS

    @property
    def worker_threads(self) -> Threads:
        """The threads of each worker."""
        return Threads.of(self.threads, self.limits, lab=self.lab_core)

    @property
    def share_all(self) -> bool:
        """Whether everybody may use everything; by default where this machine alone can call."""
        if self.share == "auto":
            return is_loopback(split_address(self.listen)[0])
        return self.share == "all"

    @property
    def lab_core(self) -> bool:
        """Whether LabService serves: `lab`, or a layout that says so."""
        return self.layout.endswith(cores.LAB)

    @property
    def capabilities(self) -> tuple[str, ...]:
        """What GetServerInfo names; inspect.proto explains each."""
        named = {
            "lab": self.lab_core,
            "bench": self.bench,
            "tls": self.secure,
            "client-certificates": self.tls_client_ca is not None,
            "tokens": self.token_file is not None,
            "owners": not self.share_all,
            "unix-sockets": self.unix_dir is not None,
            "protection-keys": machine.choose_pkeys(self.pkeys),
        }
        return tuple(name for name, there in named.items() if there)

    @property
    def secure(self) -> bool:
        return self.tls_cert is not None

    def segment(self) -> SegmentConfig:
        return SegmentConfig(
            size_bytes=self.size_bytes,
            mms_max=self.mms_max,
            participants_max=self.participants_max,
            frames_max=self.frames_max,
            files_max=self.files_max,
            vmas_per_mm_max=self.vmas_per_mm_max,
            tables_per_mm_max=self.tables_per_mm_max,
            frames_per_mm_max=self.frames_per_mm_max,
            account_frames_max=self.account_frames_max,
            account_tables_max=self.account_tables_max,
            account_vmas_max=self.account_vmas_max,
            account_files_max=self.account_files_max,
            account_mms_max=self.account_mms_max,
            rcu=self.rcu,
            lookup=self.lookup,
            writer_wait=self.writer_wait,
            slab=slabs.parse(self.slab),
            events=self.events == "on",
            sample_faults=self.sample_faults,
            pkeys=machine.choose_pkeys(self.pkeys),
            overcommit=machine.choose_overcommit(self.overcommit),
            commit_limit_pages=machine.commit_limit_pages(self.overcommit),
            model=self.model,
            layout=self.layout,
        )


def load(**options: object) -> ServerConfig:
    """A configuration from options (None: not given) and the environment.

    Raises:
        ConfigError: with one line for the first thing that is wrong.
    """
    given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    try:
        return ServerConfig(**given)
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(_said(first)) from None


_KINDS: Final = {"int": "a whole number", "float": "a number", "bool": "yes or no"}


def _said(error: ErrorDetails) -> str:
    """What is wrong with a setting, in its own terms: pydantic's words are for programmers."""
    where = ".".join(str(part) for part in error["loc"])
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return f"{where}: there is no such option"
    if kind in _BOUNDS:
        return f"{where} = {error['input']}: {_allowed(where)}"
    if kind == "literal_error":
        return f"{where} = {error['input']}: give {context['expected'].replace(chr(39), '')}"
    if wanted := _KINDS.get(kind.partition("_")[0]):
        bounds = _allowed(where)
        return f"{where} = {error['input']}: {wanted} is wanted{'; ' if bounds else ''}{bounds}"
    text = error["msg"].removeprefix("Value error, ")
    return f"{where}: {text}" if where else text


_BOUNDS: Final = ("greater_than", "greater_than_equal", "less_than", "less_than_equal")


def _allowed(name: str) -> str:
    """The bounds of a setting; "" if it has none."""
    field = ServerConfig.model_fields.get(name)
    low = high = above = None
    for bound in field.metadata if field else ():
        low, high = getattr(bound, "ge", low), getattr(bound, "le", high)
        above = getattr(bound, "gt", above)
    if above is not None:
        return f"allowed is more than {above:g}, up to {high:g}"
    if high is None:
        return "" if low is None else f"allowed are {low:g} and more"
    return f"allowed are {low:g} .. {high:g}"


@dataclass(frozen=True, slots=True)
class Adjustable:
    """A limit or a quota, for who wants to set it."""

    name: str
    default: str
    allowed: str
    text: str


_QUOTA_DEFAULTS: Final = {
    "tables_per_mm_max": ("all of its client", "page tables of one address space"),
    "frames_per_mm_max": ("all of its client", "page frames mapped in one address space"),
    "account_frames_max": ("half of --frames-max", "page frames of one client"),
    "account_tables_max": ("a quarter of the segment's pages", "page tables of one client"),
    "account_vmas_max": ("two for each page of the segment", "VMAs of one client"),
    "account_files_max": ("half of --files-max", "files of one client"),
    "account_mms_max": ("half of --mms-max", "address spaces of one client"),
}


def adjustable_limits() -> list[Adjustable]:
    """What parse_limits() takes."""
    return [
        Adjustable(name, str(value), f"{RULES[name].low} .. {RULES[name].high}", RULES[name].about)
        for name, value in Limits().as_dict().items()
    ]


def adjustable_quotas() -> list[Adjustable]:
    """What parse_quotas() takes; 0 is the default."""
    return [
        Adjustable(name, default, f"0 .. {(1 << 32) - 1}", text)
        for name, (default, text) in _QUOTA_DEFAULTS.items()
    ]


def _numbers(settings: list[str], known: Iterable[str], what: str) -> dict[str, int]:
    """Numbers by name from NAME=VALUE texts. Raises ConfigError."""
    chosen: dict[str, int] = {}
    for setting in settings:
        name, _, value = setting.partition("=")
        if name not in known:
            raise ConfigError(f"{what} {name!r} is not one of {', '.join(known)}")
        try:
            chosen[name] = int(value, 0)
        except ValueError:
            raise ConfigError(f"{what} {name}: {value!r} is not a number") from None
    return chosen


def parse_quotas(settings: list[str]) -> dict[str, int]:
    """Fields of ServerConfig from NAME=VALUE texts: quotas. Raises ConfigError."""
    return _numbers(settings, QUOTAS, "quota")


def parse_limits(settings: list[str]) -> Limits:
    """Limits from NAME=VALUE texts. Raises ConfigError."""
    try:
        return Limits(**_numbers(settings, Limits().as_dict(), "limit"))
    except ValueError as error:
        raise ConfigError(str(error)) from None
