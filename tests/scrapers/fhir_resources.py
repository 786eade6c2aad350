"""An invented provider directory as FHIR resources (Plan-Net), each made with what a test wants of it."""

from typing import Any

Resource = dict[str, Any]

PLAN_NET = "http://hl7.org/fhir/us/davinci-pdex-plan-net/StructureDefinition"
NPI_SYSTEM = "http://hl7.org/fhir/sid/us-npi"
MASSAGE = {"coding": [{"system": "http://nucc.org/provider-taxonomy", "code": "225700000X", "display": "Massage Therapist"}]}
GIVEN = ("Alder", "Briar", "Cedar", "Dahlia", "Elm", "Fern", "Gorse", "Hazel", "Iris", "Juniper")
FAMILY = ("Quillon", "Rusk", "Sallow", "Tarn", "Umber", "Vetch", "Wold", "Yarrow", "Zephyr", "Ashdale")
TYPES = ("PractitionerRole", "Practitioner", "Location", "Organization", "OrganizationAffiliation", "HealthcareService", "InsurancePlan")


def npi(number: int) -> str:
    """An NPI that begins with 29 and has a right check digit (Luhn over 80840 and the number)."""
    nine = f"29{number:07d}"
    total = 24 + sum(sum(divmod(int(digit) * 2, 10)) if place % 2 == 0 else int(digit) for place, digit in enumerate(nine))
    return f"{nine}{-total % 10}"


def reference(key: str) -> dict[str, str]:
    return {"reference": key}


def extension(name: str, **value: Any) -> Resource:
    return {"url": f"{PLAN_NET}/{name}", **value}


def newpatients(code: str, network: str | None = None) -> Resource:
    parts: list[Resource] = [{"url": "acceptingPatients", "valueCodeableConcept": {"coding": [{"code": code}]}}]
    parts += [{"url": "fromNetwork", "valueReference": reference(network)}] if network else []
    return extension("newpatients", extension=parts)


def license_of(number: str, state: str = "WA", code: str = "225700000X") -> Resource:
    valid = {"url": "whereValid", "valueCodeableConcept": {"coding": [{"system": "https://www.usps.com/", "code": state}]}}
    return {
        "extension": [extension("practitioner-qualification", extension=[{"url": "status", "valueCode": "active"}, valid])],
        "identifier": [{"value": number}],
        "code": {"coding": [{"code": code}]},
    }


def practitioner(number: int, **more: Any) -> Resource:
    return (
        made(
            "Practitioner",
            f"p{number}",
            active=True,
            identifier=[{"system": NPI_SYSTEM, "value": npi(number)}],
            name=[{"use": "official", "family": FAMILY[number % 10], "given": [GIVEN[number // 10 % 10], f"M{number}"], "suffix": ["LMT"]}],
            qualification=[license_of(f"MA{60000000 + number}")],
        )
        | more
    )


def role(number: int, **more: Any) -> Resource:
    """Role r<number> of practitioner p<number>, at location l<number % 12>, in the Cascade network."""
    return (
        made(
            "PractitionerRole",
            f"r{number}",
            active=True,
            practitioner=reference(f"Practitioner/p{number}"),
            organization=reference("Organization/o1"),
            location=[reference(f"Location/l{number % 12}")],
            specialty=[MASSAGE],
            extension=[extension("network-reference", valueReference=reference("Organization/cascade")), newpatients("newpt")],
            telecom=[{"system": "phone", "value": "206-555-0100"}],
        )
        | more
    )


def location(number: int, **more: Any) -> Resource:
    place = {"line": [f"{100 + number} Invented Way", "Suite 1"], "city": "Nowhere", "state": "WA", "postalCode": f"003{number:02d}"}
    return made("Location", f"l{number}", status="active", address=place) | more


def organization(name: str, title: str, **more: Any) -> Resource:
    return made("Organization", name, active=True, name=title) | more


def made(kind: str, name: str, /, **more: Any) -> Resource:
    return {"resourceType": kind, "id": name, "meta": {"lastUpdated": "2026-10-01T08:00:00Z"}, **more}


def directory(roles: int = 40) -> list[Resource]:
    """Roles of as many practitioners at 12 places in one network, and an affiliated practice in another."""
    return [
        *(role(number) for number in range(roles)),
        *(practitioner(number) for number in range(roles)),
        *(location(number) for number in range(12)),
        organization("o1", "Quiet Lantern Clinic", address=[{"line": ["9 Invented Way"], "city": "Nowhere", "postalCode": "00309"}]),
        organization("cascade", "Cascade Silver", type=[{"coding": [{"code": "ntwk"}]}]),
        organization("olympic", "Olympic  Gold", type=[{"coding": [{"code": "ntwk"}]}]),
        made(
            "OrganizationAffiliation",
            "a1",
            active=True,
            participatingOrganization=reference("Organization/o1"),
            network=[reference("Organization/olympic")],
            location=[reference("Location/l1")],
        ),
        made("InsurancePlan", "i1", network=[reference("Organization/cascade")]),
    ]
