"""FHIR R4 resources of a provider directory (Da Vinci PDex Plan-Net) as flat rows: one resource, one row, references as "Type/id".

What a resource says beyond these rows is set aside; what it says in a shape that FHIR does not know is Unreadable.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from scrapers.reading import Unreadable, collapsed

Row = dict[str, Any]

ROLE, AFFILIATION = "PractitionerRole", "OrganizationAffiliation"
TYPES = (ROLE, "Practitioner", "Location", "Organization", AFFILIATION, "HealthcareService")
# us-npi is the guide's; the national directory uses the NamingSystem; the OID is HL7's own
NPI = {"hl7.org/fhir/sid/us-npi", "terminology.hl7.org/namingsystem/npi", "urn:oid:2.16.840.1.113883.4.6"}
LICENSE_TYPES = {"LN", "SL", "MD"}  # HL7 v2-0203: license, state license, medical license
PHONE = re.compile(r"\+?1?[\s.(-]*\d{3}[\s.)-]*\d{3}[\s.-]*\d{4}(\s*(x|ext)\S*\s*\d+)?", re.IGNORECASE)
TAXONOMY = re.compile(r"\d{3}[0-9A-Z]{6}X")
NAME_USES = ("official", "usual", None, "nickname", "anonymous", "maiden", "temp", "old")
# http://hl7.org/fhir/us/davinci-pdex-plan-net/CodeSystem/AcceptingPatientsCS; families of patients are new to some, so that says nothing
ACCEPTING = {"newpt": True, "nopt": False, "existptonly": False, "existptfam": None}
REFERENCE = re.compile(r"(?:(?P<base>https?://.+?)/)?(?P<key>[A-Z][A-Za-z]+/[A-Za-z0-9.\-]{1,128})(?:/_history/[^/]+)?")


def key_of(where: str, resource: Any) -> str | None:
    """Type/id of a resource, or of one without an id its fullUrl; None for anything that has neither."""
    kind, name = type_of(resource), resource.get("id") if isinstance(resource, dict) else None
    if kind and not name and where.startswith("urn:"):
        name = where
    return f"{kind}/{name}" if kind and isinstance(name, str) and name else None


@dataclass(frozen=True, slots=True)
class Context:
    """What a page's resources are read by."""

    today: str  # the day they were shown, year-month-day
    means: Mapping[str, bool | None]  # codes for new patients
    bases: tuple[str, ...] = ()  # the server's addresses
    named: Mapping[str, str] = field(default_factory=dict)  # fullUrl → key, of the resources on the same page


def rows(where: str, resource: Mapping[str, Any], context: Context) -> Iterator[Row]:
    """The rows of a resource (`where`: its fullUrl) and of those contained in it; none for a type that no listing needs."""
    if type_of(resource) not in TYPES and type_of(resource):
        return
    key = key_of(where, resource)
    if key is None:
        raise Unreadable("no FHIR resource with an id")
    bases = (*context.bases, where.removesuffix(f"/{key}"))
    for part in (resource, *objects(resource, "contained")):
        if part.get("resourceType") not in TYPES:
            continue
        row = _Reader(part, key, bases, context).row()
        row |= {"kind": part["resourceType"], "key": key if part is resource else f"{key}#{part.get('id')}"}
        row["digest"] = sha256(json.dumps(row, sort_keys=True).encode()).hexdigest()[:16]
        yield row | {"updated": _moment(resource)}


def references(row: Mapping[str, Any]) -> Iterator[str]:
    """The keys that a role or affiliation refers to, contained resources aside."""
    if row["kind"] in (ROLE, AFFILIATION):
        networks = [each["key"] for each in row["networks"]]
        for key in (row["practitioner"], row["organization"], *networks, *row["locations"], *([] if row["locations"] else row["services"])):
            if key and key.partition("/")[0] in TYPES and "#" not in key:
                yield key


@dataclass(frozen=True, slots=True)
class _Reader:
    """One resource being read."""

    said: Mapping[str, Any]
    owner: str  # the key of the resource in which contained ones lie
    bases: tuple[str, ...]
    context: Context

    def row(self) -> Row:
        read = {
            ROLE: self._role,
            "Practitioner": self._practitioner,
            "Location": self._location,
            "Organization": self._organization,
            AFFILIATION: self._affiliation,
            "HealthcareService": self._service,
        }
        is_over = self.said.get("active") is False or self.said.get("status") in ("inactive", "suspended", "entered-in-error")
        return {
            "is_current": not is_over and not _is_past(self.said.get("period"), self.context.today),
            **read[self.said["resourceType"]](),
        }

    def _role(self) -> Row:
        who = self.said.get("practitioner")
        return {
            "practitioner": self._reference(who),
            "practitioner_said": text_of(who, "display"),
            "practitioner_npi": _npi(objects(who, "identifier")),
            "organization": self._reference(self.said.get("organization")),
            "organization_said": text_of(self.said.get("organization"), "display"),
            "networks": self._references(each.get("valueReference") for each in self._extensions("network-reference")),
            **self._place(),
            **self._specialty(),
        }

    def _affiliation(self) -> Row:
        whose = self.said.get("participatingOrganization")
        return {
            "practitioner": None,
            "practitioner_said": None,
            "practitioner_npi": None,
            "organization": self._reference(whose),
            "organization_said": text_of(whose, "display"),
            "networks": self._references(objects(self.said, "network")),
            **self._place(),
            **self._specialty(),
        }

    def _practitioner(self) -> Row:
        name = self._name()
        given = _texts(name.get("given"))
        return {
            "npi": _npi(objects(self.said, "identifier")),
            "name": text_of(name, "text"),
            "prefix": _joined(name.get("prefix")),
            "first": given[0] if given else None,
            "middle": " ".join(given[1:]) or None,
            "last": text_of(name, "family"),
            "suffix": _joined(name.get("suffix")),
            "licenses": list(self._licenses()),
        }

    def _location(self) -> Row:
        return {**_address(self.said.get("address")), "phone": self._phone(), "accepting": self._accepting()}

    def _organization(self) -> Row:
        first = next(iter(objects(self.said, "address")), None)
        return {
            "name": text_of(self.said, "name"),
            "npi": _npi(objects(self.said, "identifier")),
            **_address(first),
            "phone": self._phone(),
        }

    def _service(self) -> Row:
        return {**self._place()}

    # Parts that several resources share

    def _place(self) -> Row:
        return {
            "locations": [each["key"] for each in self._references(objects(self.said, "location")) if each["key"]],
            "services": [each["key"] for each in self._references(objects(self.said, "healthcareService")) if each["key"]],
            "phone": self._phone(),
            "accepting": self._accepting(),
        }

    def _specialty(self) -> Row:
        concepts = objects(self.said, "specialty")
        codes = [code for each in concepts for coding in objects(each, "coding") if (code := text_of(coding, "code"))]
        shown = [words for each in concepts if (words := concept(each))]
        return {"specialty": "; ".join(dict.fromkeys(shown)) or None, "codes": codes}

    def _name(self) -> Mapping[str, Any]:
        names = [each for each in objects(self.said, "name") if each.get("family") or each.get("text") or each.get("given")]
        present = [each for each in names if not _is_past(each.get("period"), self.context.today)] or names
        return min(present, key=lambda each: NAME_USES.index(each.get("use")) if each.get("use") in NAME_USES else 3, default={})

    def _licenses(self) -> Iterator[Row]:
        for each in objects(self.said, "qualification"):
            valid = [part for own in _extensions(each, "practitioner-qualification") for part in _extensions(own, "whereValid")]
            states = [code.upper().removeprefix("US-") for part in valid for code in _codes(part.get("valueCodeableConcept"))]
            for identifier in objects(each, "identifier"):
                if number := text_of(identifier, "value"):
                    yield {"number": number, "states": states, "codes": _codes(each.get("code"))}
        for identifier in objects(self.said, "identifier"):
            if LICENSE_TYPES & set(_codes(identifier.get("type"))) and (number := text_of(identifier, "value")):
                yield {"number": number, "states": [], "codes": []}

    def _phone(self) -> str | None:
        phones = [each for each in objects(self.said, "telecom") if _is_phone(each) and each.get("use") != "old"]
        phones = [each for each in phones if text_of(each, "value") and not _is_past(each.get("period"), self.context.today)]
        best = min(phones, key=lambda each: each["rank"] if isinstance(each.get("rank"), int) else 1000, default={})
        return text_of(best, "value")

    def _accepting(self) -> list[Row]:
        found = []
        for each in self._extensions("newpatients"):
            networks = self._references(part.get("valueReference") for part in _extensions(each, "fromNetwork"))
            for code in [code for part in _extensions(each, "acceptingPatients") for code in _codes(part.get("valueCodeableConcept"))]:
                if code not in self.context.means:
                    raise Unreadable(f"accepting says {code[:80]!r}; expected {', '.join(self.context.means)}; map it under `words:`")
                found += [{"network": each["key"], "means": self.context.means[code]} for each in networks or [{"key": None}]]
        return found

    def _extensions(self, name: str) -> list[Mapping[str, Any]]:
        return _extensions(self.said, name)

    def _references(self, many: Any) -> list[Row]:
        found = [{"key": self._reference(each), "said": text_of(each, "display")} for each in many]
        return [each for each in found if each["key"] or each["said"]]

    def _reference(self, said: Any) -> str | None:
        """ "Type/id" of what is referred to, or the reference as written where it is not of this server; None where there is none."""
        written = text_of(said, "reference")
        if written is None:
            return None
        if written.startswith("#"):
            return f"{self.owner}{written}"
        if written in self.context.named:
            return self.context.named[written]
        match = REFERENCE.fullmatch(written)
        return match["key"] if match and (match["base"] is None or _is_one_of(match["base"], self.bases)) else written


# Values ----------------------------------------------------------------------------------------------------------


def type_of(said: Any) -> str | None:
    kind = said.get("resourceType") if isinstance(said, dict) else None
    return kind if isinstance(kind, str) and kind.isalpha() else None


def objects(said: Any, name: str) -> list[Mapping[str, Any]]:
    """The objects under a name; one alone is a list of one, and null is none."""
    value = _get(said, name)
    many = value if isinstance(value, list) else [value]
    if not all(isinstance(each, dict | None) for each in many):
        raise Unreadable(f"{name} is not an object nor a list of them")
    return [each for each in many if each is not None]


def text_of(said: Any, name: str) -> str | None:
    value = _get(said, name)
    if isinstance(value, bool) or not isinstance(value, str | int | float | None):
        raise Unreadable(f"{name} is not text")
    return collapsed(str(value)) or None if value is not None else None


def _get(said: Any, name: str) -> Any:
    if said is not None and not isinstance(said, dict):
        raise Unreadable(f"{str(said)[:40]!r} stands where an object with {name} was expected")
    return said.get(name) if said else None


def _texts(value: Any) -> list[str]:
    many = value if isinstance(value, list) else [value]
    if not all(isinstance(each, str | None) for each in many):
        raise Unreadable("a part of a name or an address is not text")
    return [collapsed(each) for each in many if each and collapsed(each)]


def _joined(value: Any) -> str | None:
    return " ".join(_texts(value)) or None


def _codes(concept: Any) -> list[str]:
    return [code for each in objects(concept, "coding") if (code := text_of(each, "code"))]


def concept(concept: Any) -> str | None:
    """A CodeableConcept in words, with its taxonomy code, since directories misspell systems and leave displays out.

    >>> concept({"coding": [{"code": "225700000X", "display": "Massage Therapist"}]}), concept({"coding": [{"code": "225700000X"}]})
    ('Massage Therapist (225700000X)', '225700000X')
    """
    shown = text_of(concept, "text") or next((words for each in objects(concept, "coding") if (words := text_of(each, "display"))), None)
    codes = [code for code in _codes(concept) if TAXONOMY.fullmatch(code)] or ([] if shown else _codes(concept))
    listed = ", ".join(dict.fromkeys(codes))
    return f"{shown} ({listed})" if shown and listed and listed not in shown else shown or listed or None


def _extensions(said: Any, name: str) -> list[Mapping[str, Any]]:
    return [each for each in objects(said, "extension") if str(each.get("url", "")).rsplit("/", 1)[-1] == name]


def _npi(identifiers: list[Mapping[str, Any]]) -> str | None:
    found = {text_of(each, "value") for each in identifiers if _is_npi(each)} - {None}
    if len(found) > 1:
        raise Unreadable(f"{len(found)} different NPIs")
    return next(iter(found), None)


def _is_npi(identifier: Mapping[str, Any]) -> bool:
    system = str(identifier.get("system", "")).lower().rstrip("/").removeprefix("http://").removeprefix("https://")
    return system in NPI or "NPI" in _codes(identifier.get("type"))


def _address(said: Any) -> Row:
    lines = _texts(_get(said, "line")) or _texts(_get(said, "text"))
    return {
        "address": lines[0] if lines else None,
        "address_2": ", ".join(lines[1:]) or None,
        **{ours: text_of(said, theirs) for ours, theirs in (("city", "city"), ("state", "state"), ("zip", "postalCode"))},
    }


def _is_phone(contact: Mapping[str, Any]) -> bool:
    """Whether a contact is a telephone: it says so, or says nothing and has the digits of one."""
    return contact["system"] == "phone" if "system" in contact else PHONE.fullmatch(str(contact.get("value"))) is not None


def _is_past(period: Any, today: str) -> bool:
    """Whether a period ended before `today` (year-month-day); an end may be a year, a month, a day or a moment."""
    end = (text_of(period, "end") or "")[:10]
    return bool(re.fullmatch(r"\d{4}(-\d\d){0,2}", end)) and end < today[: len(end)]


def _moment(resource: Mapping[str, Any]) -> str:
    """meta.lastUpdated as text that sorts by time; empty where it is not there or no moment."""
    try:
        moment = datetime.fromisoformat(text_of(resource.get("meta"), "lastUpdated") or "")
    except ValueError:
        return ""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).isoformat(timespec="microseconds")


def _is_one_of(base: str, bases: Iterable[str]) -> bool:
    """Whether an absolute reference is to this server; http and https are one."""
    return any(each and re.sub("^https?://", "", base) == re.sub("^https?://", "", each.rstrip("/")) for each in bases)
