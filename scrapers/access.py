"""Tokens some public directories hand to anybody who asks: fetched when needed, renewed before they die, never kept or printed.

    access: {scheme: subject_token, token: https://…/token, ask: {insurerCode: RG_I, brandCode: RG_WW}, minutes: 15}
    access: {scheme: client_credentials, token: https://…/token, scope: system/*.read, secret: NAME}

`subject_token` posts `ask` as JSON and sends the answer's token in a Subject-Token header, as HealthSparq's public directories want.
`client_credentials` is OAuth 2.0 (RFC 6749 §4.4); client id and secret come from the environment, ROLLCALL_SECRET_NAME="id:secret".
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from scrapers.card import CardMap, one_of
from scrapers.records import Refused, Source, SourceUnreadable

SCHEMES = ("subject_token", "client_credentials")
KEYS = ("scheme", "token", "ask", "minutes", "scope", "secret")
MINUTES = 15  # how long a token lives when neither card nor server says
EARLY = timedelta(seconds=45)  # renewed so long before it dies
CALLED = ("access_token", "token", "subjectToken", "subject_token", "id_token")
LARGEST_ANSWER = 1_000_000  # bytes


@dataclass(frozen=True, slots=True)
class Pass:
    """A token as the header that carries it, good until `until`."""

    headers: Mapping[str, str] = field(repr=False)
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """How a token is asked for, by POST."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)


def check(content: Any, where: str) -> dict[str, Any]:
    """The card's `access:`, every key known and every value of its kind."""
    card = CardMap(content, f"{where}, `access`", KEYS)
    scheme = one_of(card.text("scheme", required=True), SCHEMES, f"{card.where}, `scheme`")
    url = card.text("token", required=True)
    if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
        card.refuse("token", "the http(s) address that hands out tokens")
    card.number("minutes", 1, 1440, whole=False, otherwise=MINUTES)
    card.text("scope")
    ask = card.map("ask")
    if not all(isinstance(value, str) for value in ask.content.values()):
        ask.refuse(next(key for key, value in ask.content.items() if not isinstance(value, str)), "text")
    secret = card.text("secret", required=scheme == "client_credentials")
    if secret and not re.fullmatch(r"[A-Z][A-Z0-9_]*", secret):
        card.refuse("secret", "a name in capitals, such as AETNA: the id and the secret themselves are in ROLLCALL_SECRET_AETNA")
    return card.content


def question(source: Source, secrets: Mapping[str, str]) -> Question:
    """What to post where for a token. Refused when the environment does not hold the secret the card names."""
    said = source.options["access"]
    if said["scheme"] == "subject_token":
        body = json.dumps(said.get("ask", {})).encode()
        return Question(url=said["token"], headers={"Content-Type": "application/json", "Accept": "application/json"}, content=body)
    held = secrets.get(said["secret"], "")
    if ":" not in held:
        raise Refused(
            f"{source.name}: {urlsplit(said['token']).hostname} gives tokens to registered clients only; "
            f"put id:secret into the environment as ROLLCALL_SECRET_{said['secret']}"
        )
    form = {"grant_type": "client_credentials"} | ({"scope": said["scope"]} if said.get("scope") else {})
    headers = {
        "Authorization": "Basic " + base64.b64encode(held.encode()).decode(),
        "Content-Type": "application/x-www-form-urlencoded",
        "Accept": "application/json",
    }
    return Question(url=said["token"], headers=headers, content=urlencode(form).encode())


def answer(source: Source, body: bytes, now: datetime) -> Pass:
    """The token in an answer; how long it lives is the server's word, else the card's."""
    said = source.options["access"]
    try:
        told = json.loads(body)
    except ValueError:
        told = None
    token = next((told[name] for name in CALLED if isinstance(told.get(name), str)), None) if isinstance(told, dict) else None
    if not token or not token.isascii() or not token.isprintable():
        raise SourceUnreadable(
            f"{source.name}: {said['token']} answered without a token (expected one of {', '.join(CALLED)} in JSON); "
            "read the publisher's developer page and correct `access:`",
            "login_wall",
        )
    seconds = told.get("expires_in")
    is_told = isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 < seconds < 10**7
    lives = timedelta(seconds=float(seconds)) if is_told else timedelta(minutes=float(said.get("minutes", MINUTES)))
    headers = {"Subject-Token": token} if said["scheme"] == "subject_token" else {"Authorization": f"Bearer {token}"}
    return Pass(headers, now + max(lives - EARLY, lives / 2))
