# SPDX-License-Identifier: Apache-2.0
"""The files of an address that others can reach: read and checked before anything is started."""

from __future__ import annotations

import re
import ssl
from pathlib import Path

from vmalab_server.config import ConfigError, ServerConfig


def read_text(path: Path | None, what: str, *, secret: bool = True) -> str:
    """The file that a setting names; "" for none. Raises ConfigError."""
    if path is None:
        return ""
    try:
        mode = path.stat().st_mode
        text = path.read_text()
    except OSError as error:
        raise ConfigError(f"{what}: cannot read {path}: {error.strerror}") from None
    if secret and mode & 0o004:
        raise ConfigError(f"{what}: every user can read {path}: chmod o-rwx {path}, and renew it")
    if not text.strip():
        raise ConfigError(f"{what}: {path} is empty")
    return text


def check_pair(config: ServerConfig, cert: str, key: str) -> None:
    """The certificate and its key. Raises ConfigError: grpc would only say that it cannot bind."""
    if config.tls_cert is None or config.tls_key is None:
        return
    for what, path, text, mark in (
        ("tls_cert", config.tls_cert, cert, "CERTIFICATE"),
        ("tls_key", config.tls_key, key, "PRIVATE KEY"),
    ):
        if not re.search(rf"^-----BEGIN [A-Z ]*{mark}-----", text, re.MULTILINE):
            raise ConfigError(f"{what}: {path} has no BEGIN {mark} in it: PEM is wanted")
    if "ENCRYPTED" in key:
        raise ConfigError(f"tls_key: {config.tls_key} has a passphrase: give a key without one")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(config.tls_cert, config.tls_key)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ConfigError(
                f"tls_key: {config.tls_key} is not the key of the certificate {config.tls_cert}"
            ) from None
        raise ConfigError(
            f"tls_cert: {config.tls_cert} with tls_key {config.tls_key} cannot be used:"
            f" {error.reason or error}"
        ) from None


def check_authority(config: ServerConfig, client_ca: str) -> None:
    """Whose signature the certificates of clients need. Raises ConfigError."""
    if config.tls_client_ca is None:
        return
    if "-----BEGIN CERTIFICATE-----" not in client_ca:
        raise ConfigError(
            f"tls_client_ca: {config.tls_client_ca} has no BEGIN CERTIFICATE in it: PEM is wanted"
        )
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_verify_locations(cadata=client_ca)
    except ssl.SSLError as error:
        raise ConfigError(
            f"tls_client_ca: {config.tls_client_ca} is no certificate: {error.reason or error}"
        ) from None
