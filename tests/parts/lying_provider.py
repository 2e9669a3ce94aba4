"""An identity provider that says what it is told to, written from the specifications of OpenID Connect alone: it signs
with any key and algorithm, or not at all, and shares no code with what it lies to."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CLIENT = "closeout"


@cache
def rsa_key(bits: int = 2048, nth: int = 0) -> rsa.RSAPrivateKey:
    """A key of that many bits, the same within one run."""
    return rsa.generate_private_key(65537, bits)


def encoded(value: bytes) -> str:
    """As base64url without padding (RFC 7515, section 2)."""
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def public_jwk(key: rsa.RSAPrivateKey, **more: object) -> dict[str, object]:
    """Its public half (RFC 7517)."""
    numbers = key.public_key().public_numbers()

    def number(value: int) -> str:
        return encoded(value.to_bytes((value.bit_length() + 7) // 8, "big"))

    return {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e), "kid": "one", **more}


def public_pem(key: rsa.RSAPrivateKey) -> bytes:
    """Its public half as it lies in files: what a verifier may take for the secret of an HMAC."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def signed(
    claims: object,
    *,
    header: Mapping[str, object] | None = None,
    key: rsa.RSAPrivateKey | bytes | None = None,
) -> str:
    """A JWS in compact form: by RS256 with a private key, by HMAC with bytes, or unsigned with neither."""
    said = {"alg": "RS256" if isinstance(key, rsa.RSAPrivateKey) else "HS256" if key else "none", "kid": "one"}
    body = f"{encoded(json.dumps({**said, **(header or {})}).encode())}.{encoded(json.dumps(claims).encode())}"
    if isinstance(key, rsa.RSAPrivateKey):
        signature = key.sign(body.encode(), padding.PKCS1v15(), hashes.SHA256())
    else:
        signature = hmac.new(key, body.encode(), hashlib.sha256).digest() if key else b""
    return f"{body}.{encoded(signature)}"


@dataclass
class LyingProvider:
    """metadata: what its description says beside what it must; claims, header, key: of the next ID token, where a claim
    that is None as `LEFT_OUT` is not said. answer: instead of a whole token answer.
    """

    issuer: str
    metadata: dict[str, object] = field(default_factory=dict)
    keys: list[object] = field(default_factory=lambda: [public_jwk(rsa_key())])
    claims: dict[str, object] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    header: dict[str, object] = field(default_factory=dict)
    key: rsa.RSAPrivateKey | bytes | None = field(default_factory=rsa_key)
    answer: object = None
    nonce: str = ""

    def enter(self, address: str) -> str:
        """What a person's browser does there: it comes straight back. Returns the address it comes back to."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        self.nonce = asked["nonce"]
        return f"{asked['redirect_uri']}?{urlencode({'code': 'a-code', 'state': asked['state']})}"

    def id_token(self) -> str:
        """The ID token it gives next."""
        now = int(time.time())
        sound: dict[str, object] = {
            "iss": self.issuer,
            "sub": "subject-1",
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": self.nonce,
        }
        claims = {name: value for name, value in {**sound, **self.claims}.items() if name not in self.left_out}
        return signed(claims, header=self.header, key=self.key)

    def said_at(self, path: str) -> Any:
        """What is found at an address of it."""
        if path == "/.well-known/openid-configuration":
            at = {f"{name}_endpoint": f"{self.issuer}/{name}" for name in ("authorization", "token", "end_session")}
            return {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/jwks", **at, **self.metadata}
        if path == "/jwks":
            return {"keys": self.keys}
        given = {"access_token": "an-access-token", "token_type": "Bearer", "id_token": self.id_token()}
        return given if self.answer is None else self.answer


@contextmanager
def lying_provider() -> Iterator[LyingProvider]:
    """One on a free port of this machine, sound until it is told otherwise."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = json.dumps(provider.said_at(self.path)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - as the library calls it

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = LyingProvider(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
