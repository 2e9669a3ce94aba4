"""Certificates for servers and clients of the tests, signed by an authority that trustme makes for them; no test."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography import x509


@dataclass(frozen=True, slots=True)
class Signed:
    """PEM files. authority: whom others must trust for it to count. certificate: with what it was signed by, if that
    is not the authority itself."""

    authority: Path
    certificate: Path
    key: Path

    @property
    def parsed(self) -> x509.Certificate:
        """The certificate itself."""
        return x509.load_pem_x509_certificate(self.certificate.read_bytes())

    def context(self) -> ssl.SSLContext:
        """For a server."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


def signed(folder: Path, *names: str, rsa: bool = False) -> Signed:
    """A certificate for these names or addresses (this machine's, unless given), each file in `folder`.

    rsa: with an RSA key; else on a curve.
    """
    kind = trustme.KeyType.RSA if rsa else trustme.KeyType.ECDSA
    signer = trustme.CA(key_type=kind)
    given = signer.issue_cert(*(names or ("localhost", "127.0.0.1")), key_type=kind)
    folder.mkdir(parents=True, exist_ok=True)
    files = Signed(folder / "authority.pem", folder / "certificate.pem", folder / "key.pem")
    signer.cert_pem.write_to_path(str(files.authority))
    files.certificate.write_bytes(b"".join(each.bytes() for each in given.cert_chain_pems))
    given.private_key_pem.write_to_path(str(files.key))
    return files
