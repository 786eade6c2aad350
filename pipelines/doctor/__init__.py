"""`doctor`: what ails an installation, on one page. It looks, asks nobody but a Prefect server that is named, and mends nothing."""

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pipelines import settings as environment
from pipelines.doctor import machine
from pipelines.doctor.signs import BAD, OK, WARN, Said, heard, trouble
from pipelines.lines import page
from pipelines.settings import Settings

SHOWN = 3  # sentences of one check and one verdict on the page; --json has them all


@dataclass(frozen=True, slots=True)
class Sign:
    """What one check saw; where it is not ok also what was expected, and what to do."""

    check: str
    verdict: str  # ok, warn or bad
    says: str


def examine(settings: Settings) -> list[Sign]:
    """What every check saw, the worst first."""
    environment.tell_nobody()
    found = _asked(machine.CHECKS, settings)
    if fault := trouble(importlib.import_module, f"{__name__}.kept"):  # which needs packages whose lack `machine` has told of
        found.append(Sign("data", BAD, f"what is kept here could not be looked at ({fault}); mend the packages first"))
    else:
        from pipelines.doctor import kept

        found += _asked(kept.CHECKS, settings)
    return sorted(found, key=lambda sign: (BAD, WARN, OK).index(sign.verdict))


def _asked(checks: Mapping[str, Callable[[Settings], Said]], settings: Settings) -> list[Sign]:
    return [Sign(name, *said) for name, check in checks.items() for said in heard(check(settings))]


def lines(signs: Sequence[Sign]) -> Iterator[str]:
    """The page."""
    told = ", ".join(f"{sum(sign.verdict == verdict for sign in signs)} {verdict}" for verdict in (BAD, WARN, OK))
    counted: dict[tuple[str, str], list[str]] = {}
    for sign in signs:
        counted.setdefault((sign.verdict, sign.check), []).append(sign.says)
    rows = [
        f"{verdict:<4}  {check:<9}  {says}"
        for (verdict, check), sentences in counted.items()
        for says in (*sentences[:SHOWN], *([f"and {len(sentences) - SHOWN} more; `--json` has them all"] if sentences[SHOWN:] else []))
    ]
    coding = sys.stdout.encoding or "utf-8"  # a page about what cannot be printed must be printed
    yield from (line.encode(coding, "replace").decode(coding) for line in page([told, *rows], 17))
