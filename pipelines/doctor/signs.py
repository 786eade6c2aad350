"""What a check may say, and how one that fails is heard all the same."""

from collections.abc import Callable, Iterator

from scrapers.records import Refused

OK, WARN, BAD = "ok", "warn", "bad"
REINSTALL = "install requirements.lock again, as README.md shows"
Said = Iterator[tuple[str, str]]  # a verdict and its sentence; where it is not ok: what was seen, what was expected and what to do


def trouble(look: Callable[..., object], *given: object) -> str | None:
    """What went wrong while something was looked at, in a sentence; None where nothing did."""
    try:
        look(*given)
    except Refused as reason:
        return str(reason)
    except Exception as wrong:  # noqa: BLE001 - a sick installation may do anything; it is said, and the other checks are still made
        return f"{type(wrong).__name__}: {' '.join(str(wrong).split())[:300]}"
    return None


def heard(said: Said) -> list[tuple[str, str]]:
    """All that a check says, and what broke it off."""
    found: list[tuple[str, str]] = []
    wrong = trouble(found.extend, said)
    return [*found, *([(BAD, wrong)] if wrong else [])]
