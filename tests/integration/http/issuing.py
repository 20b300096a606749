"""A small identity provider on 127.0.0.1: discovery, keys, authorization by whoever is said to be there, tokens (OpenID Connect)."""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import threading
import time
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT = ("watchfloor", "s3cret & more")


class Issuer:
    """`claims` are of whoever signs in next; the other attributes make the provider misbehave."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
        self.claims: dict[str, Any] = {"sub": "u-1", "email": "ada@example.org", "email_verified": True}
        self.signed_with: Any = None
        self.algorithm = "RS256"
        self.header: dict[str, Any] = {}
        self.changes: dict[str, Any] = {}
        self.asked: list[dict[str, str]] = []
        self._codes: dict[str, dict[str, str]] = {}
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.answer_get(self)

            def do_POST(self) -> None:
                issuer.answer_post(self)

            def log_message(self, *words: object) -> None:
                """Nothing to say."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer_get(self, request: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(request.path)
        if parts.path == "/.well-known/openid-configuration":
            self._json(request, 200, self.metadata())
        elif parts.path == "/keys":
            self._json(request, 200, {"keys": [self.key.as_dict(private=False)]})
        elif parts.path == "/authorize":
            query = dict(parse_qsl(parts.query))
            code = secrets.token_urlsafe(12)
            self._codes[code] = query
            self.asked.append(query)
            back = urlencode({"code": code, "state": query["state"], "iss": self.url, "session_state": "x"})
            request.send_response(302)
            request.send_header("location", f"{query['redirect_uri']}?{back}")
            request.end_headers()
        else:
            self._json(request, 404, {})

    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "authorization_response_iss_parameter_supported": True,
        }

    def answer_post(self, request: BaseHTTPRequestHandler) -> None:
        form = dict(parse_qsl(request.rfile.read(int(request.headers["content-length"])).decode()))
        asked = self._codes.pop(form.get("code", ""), None)
        pair = base64.b64decode(request.headers.get("authorization", "").removeprefix("Basic ")).decode()
        name, _, secret = pair.partition(":")
        challenge = base64.urlsafe_b64encode(sha256(form.get("code_verifier", "").encode()).digest()).decode()
        right = (
            asked is not None
            and (name, dict(parse_qsl(f"s={secret}"))["s"]) == CLIENT
            and challenge.rstrip("=") == asked["code_challenge"]
            and form["redirect_uri"] == asked["redirect_uri"]
        )
        if not right or asked is None:
            self._json(request, 400, {"error": "invalid_grant"})
            return
        now = int(time.time())
        claims = {
            "iss": self.url, "aud": CLIENT[0], "exp": now + 300, "iat": now, "nonce": asked["nonce"],
            **self.claims, **self.changes,
        }  # fmt: skip
        header = {"alg": self.algorithm, "kid": "one", **self.header}
        key = self.signed_with or self.key
        if self.algorithm in ("none", "HS256"):
            token = self._forged(claims)
        else:
            token = jwt.encode(header, claims, key, [self.algorithm])
        self._json(request, 200, {"id_token": token, "access_token": "unused", "token_type": "Bearer"})

    @staticmethod
    def _json(request: BaseHTTPRequestHandler, status: int, body: Any) -> None:
        content = json.dumps(body).encode()
        request.send_response(status)
        request.send_header("content-type", "application/json")
        request.send_header("content-length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    def _forged(self, claims: dict[str, Any]) -> str:
        """Unsigned, or signed with the public key as if it were a secret: the classical confusions."""
        header = {"alg": self.algorithm, "kid": "one"}
        signed = ".".join(_base64(json.dumps(part).encode()) for part in (header, claims))
        if self.algorithm == "none":
            return f"{signed}."
        secret = self.key.as_pem(private=False)
        return f"{signed}.{_base64(hmac.new(secret, signed.encode(), 'sha256').digest())}"


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
