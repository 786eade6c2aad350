"""The machine: Python, packages, settings, encoding, documents and a Prefect server.

A package that this imports may be the one that is missing, so it is imported late.
"""

import difflib
import importlib
import operator
import os
import platform
import re
import sys
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path

from pipelines import settings as environment
from pipelines.doctor.signs import BAD, OK, REINSTALL, WARN, Said, trouble
from pipelines.settings import Settings
from scrapers.records import Refused

COMPARED = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne}


def python(_: Settings) -> Said:
    """The interpreter, and the Rollcall at work in it."""
    from pipelines import runs

    here = f"Rollcall {runs.code_version()} on Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    told = _installed().metadata.get_all("Classifier") or []
    tried = [each.rsplit(" ", 1)[1] for each in told if re.search(r":: 3\.\d+$", each)]
    if ".".join(platform.python_version_tuple()[:2]) in tried:
        yield OK, here
    else:
        yield WARN, f"{here}; it was tried on Python {', '.join(tried)}: where something fails oddly, use one of these"


def packages(_: Settings) -> Said:
    """Every package Rollcall declares: there, in a version it works with, and importable."""
    modules: dict[str, list[str]] = {}
    for module, owners in metadata.packages_distributions().items():
        for owner in owners if not module.startswith("_") else ():
            modules.setdefault(_name(owner), []).append(module)
    wanted = [line for line in _installed().requires or () if ";" not in line]
    wrong = [fault for line in wanted if (fault := _fault(line, modules.get(_name(line), [])))]
    yield from ((BAD, f"{fault}; {REINSTALL}") for fault in wrong)
    if not wrong:
        yield OK, f"{len(wanted)} packages can be imported, each in a version that works"


def _installed() -> metadata.Distribution:
    try:
        return metadata.distribution("rollcall")
    except metadata.PackageNotFoundError:
        raise Refused("Rollcall was never installed here, so nothing says what it needs; install it as README.md shows") from None


def _name(requirement: str) -> str:
    return re.split(r"[<>=!\[; ]", requirement)[0].lower().replace("_", "-")


def _fault(requirement: str, modules: Sequence[str]) -> str | None:
    """What is wrong with a package, given its line of requirements and the modules it brings."""
    try:
        version = metadata.version(_name(requirement))
    except metadata.PackageNotFoundError:
        return f"{_name(requirement)} is not installed; expected {requirement}"
    if not all(COMPARED[sign](_release(version), _release(bound)) for sign, bound in re.findall(r"([<>=!]+)([\d.]+)", requirement)):
        return f"{_name(requirement)} {version} is installed; expected {requirement}"
    failed = [trouble(importlib.import_module, each) for each in sorted(modules, key=lambda module: module == _name(requirement))]
    return f"{_name(requirement)} {version}: {failed[-1]}; expected that it can be imported" if failed and all(failed) else None


def _release(version: str) -> tuple[int, ...]:
    """
    >>> _release("2.0.0") == _release("2"), _release("1.5.6") < _release("2"), _release("0.151.0rc1") < _release("0.151")
    (True, True, False)
    """
    numbers = [int(each) for each in (re.match(r"\d+(\.\d+)*", version) or [""])[0].split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def settings(settings: Settings) -> Said:
    """What the environment says to us: every name known, every value of a kind we can use."""
    wrong = [fault] if (fault := trouble(environment.read, settings.data)) else []
    for name in sorted(name for name in os.environ if name.startswith("ROLLCALL_")):
        if name not in environment.NAMES and not name.startswith(environment.SECRET):
            near = difflib.get_close_matches(name, environment.NAMES, n=1)
            yield WARN, f"{name} is set and means nothing here; " + (f"did you mean {near[0]}?" if near else "unset it")
    if settings.tsa or settings.tsa_root:
        wrong += _of_stamps(settings.tsa, settings.tsa_root)
    for name, value in sorted(settings.secrets.items()):
        if not re.fullmatch(r"[^:\s]+:\S+", value):
            wrong.append(f"{environment.SECRET}{name} is not of the form id:secret; write it as its publisher gave it to you")
    yield from ((BAD, each) for each in wrong)
    if not settings.contact:
        yield WARN, "ROLLCALL_CONTACT is not set; no site but this machine is asked without an address that its owner can write to: set it"
    elif not re.fullmatch(r"\S+@\S+|https?://\S+", settings.contact):
        yield WARN, f"ROLLCALL_CONTACT says {settings.contact!r}; expected an e-mail address or a page, for it goes out with every request"
    elif not wrong:
        yield OK, f"{settings.contact} answers for our requests"


def _of_stamps(authority: str | None, root: Path | None) -> Iterator[str]:
    from pipelines.packet import stamp

    if authority and (fault := stamp.fault(authority)):
        yield f"{fault}; packets are made without a time stamp until it is corrected"
    if root and (fault := trouble(stamp.roots_in, root)):
        yield f"ROLLCALL_TSA_ROOT names {root} ({fault}); expected a file of certificates (PEM), as the authority publishes them"


def encoding(_: Settings) -> Said:
    """Names are not ASCII, and neither is what we print."""
    named = {"names of files are": sys.getfilesystemencoding(), "output is": sys.stdout.encoding or "utf-8"}
    wrong = [f"{what} {coding}" for what, coding in named.items() if trouble("é – × →".encode, coding)]
    if wrong:
        yield WARN, f"{' and '.join(wrong)}, without letters that names are written with; expected utf-8: set PYTHONUTF8=1"
    else:
        yield OK, "names of files and output have every letter"


def documents(_: Settings) -> Said:
    """A PDF can be made, in the font that pages and charts share."""
    made: list[bytes] = []
    if fault := trouble(lambda: made.append(_document())):
        yield BAD, f"no PDF can be made ({fault}); {REINSTALL}"
    elif b"SourceSans" not in made[0]:
        yield BAD, f"Source Sans Pro is not where its package says, and pages come out in another font; {REINSTALL}"
    else:
        yield OK, "a PDF was made, in Source Sans Pro"


def _document() -> bytes:
    from reports.records import Report
    from reports.render import pdf

    return pdf.document(
        Report(key="doctor", title="é", audit="", run_id="", marks=(), facts={}, sections=(), made_at="2026-01-01T00:00:00+00:00")
    )


def prefect(settings: Settings) -> Said:
    """The Prefect server, where one is named."""
    if settings.prefect_api_url is None:
        yield OK, "no server is named (PREFECT_API_URL), and runs need none"
        return
    from pipelines.flows import deployment

    deployment.answers(settings.prefect_api_url)
    yield OK, f"a server answers at {settings.prefect_api_url}"


CHECKS = {
    "python": python,
    "packages": packages,
    "settings": settings,
    "encoding": encoding,
    "documents": documents,
    "prefect": prefect,
}
