"""Servers on the loopback address that a Jira should not be: with bad certificates, and a proxy."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.test_transport import Host

DAY = timedelta(days=1)


class Authority:
    """A certificate authority of these tests; ``path`` is the file of its certificate."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._key = folder, ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of these tests")])
        self.certificate = self._sign(self._name, self._key, [], timedelta(), is_authority=True)
        self.path = folder / "authority.pem"
        self.path.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, address: str = "127.0.0.1", *, age: timedelta = timedelta(), signs_itself: bool = False) -> Path:
        """The file of a certificate and its key for an address, ``age`` older than one that is good for a day."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, address)])
        places = [x509.IPAddress(ipaddress.ip_address(address))]
        certificate = self._sign(name, key, places, age, by=(name, key) if signs_itself else None)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path = self._folder / "server.pem"
        path.touch(mode=0o600)
        path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
        return path

    def _sign(
        self, name: Any, key: Any, places: list[Any], age: timedelta, *, by: Any = None, is_authority: bool = False
    ) -> x509.Certificate:
        issuer, signer = by or (self._name, self._key)
        now = datetime.now(timezone.utc) - age
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - DAY)
            .not_valid_after(now + DAY)
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        )
        if places:
            builder = builder.add_extension(x509.SubjectAlternativeName(places), critical=False)
        return builder.sign(signer, hashes.SHA256())


class Secure(Host):
    """A server that speaks TLS with the certificate in a file."""

    def __init__(self, certificate: Path, newest: ssl.TLSVersion | None = None) -> None:
        super().__init__()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if newest is not None:
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version, context.maximum_version = ssl.TLSVersion.MINIMUM_SUPPORTED, newest
        context.load_cert_chain(certificate)
        # The handshake happens in the connection's own thread, at its first read.
        self._http.socket = context.wrap_socket(self._http.socket, server_side=True, do_handshake_on_connect=False)
        self._http.handle_error = lambda *_: None  # type: ignore[method-assign]  # the tap hangs up on it
        self.url = self.url.replace("http:", "https:")


@contextmanager
def proxy(answer: bytes, certificate: Path | None = None) -> Iterator[tuple[str, list[bytes]]]:
    """A proxy at an address, which keeps the heads of what it is asked and gives one answer to all.

    With a ``certificate`` it speaks TLS itself.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    asked: list[bytes] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if certificate:
        context.load_cert_chain(certificate)

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            try:
                connection = context.wrap_socket(connection, server_side=True) if certificate else connection
            except OSError:
                continue
            with connection:
                head = b""
                while b"\r\n\r\n" not in head and (piece := connection.recv(65536)):
                    head += piece
                asked.append(head)
                connection.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}", asked
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
