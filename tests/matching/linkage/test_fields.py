"""What a fields card may say, and what each fault is answered with."""

import re
from typing import Any

import pytest
import yaml

from matching.linkage.fields import KINDS, Field, Fields, read_fields, respects
from scrapers.records import Refused
from tests.tables import ROOT


def test_a_card_names_the_id_and_what_is_compared() -> None:
    card = {"id": "uid", "fields": [{"column": "surname", "kind": "family_name"}]}
    assert read_fields(card, "f.yml") == Fields("uid", (Field("surname", "family_name"),))


@pytest.mark.parametrize(
    ("card", "words"),
    [
        pytest.param(None, ["expected `id:` and `fields:`"], id="empty"),
        pytest.param(["id"], ["expected `id:` and `fields:`"], id="a list"),
        pytest.param({"id": "uid", "feilds": []}, ["'feilds'", "did you mean 'fields'?"], id="a misspelt key"),
        pytest.param({"id": "uid", "threshold": 1}, ["'threshold'", "known are id, fields"], id="a key nobody knows"),
        pytest.param({"fields": [{"column": "a", "kind": "text"}]}, ["`id:`"], id="no id"),
        pytest.param({"id": "uid"}, ["`fields:`", "at least one"], id="no fields"),
        pytest.param({"id": "uid", "fields": []}, ["at least one"], id="an empty list"),
        pytest.param({"id": "uid", "fields": ["surname"]}, ["{column: …, kind: …}"], id="not a map"),
        pytest.param({"id": "uid", "fields": [{"kind": "text"}]}, ["`column:`"], id="no column"),
        pytest.param({"id": "uid", "fields": [{"column": "a"}]}, ["'a'", "unknown kind None"], id="no kind"),
        pytest.param({"id": "uid", "fields": [{"column": "a", "kind": "surname"}]}, ["'a'", "'surname'"], id="no such kind"),
        pytest.param(
            {"id": "uid", "fields": [{"column": "a", "kind": "famly_name"}]}, ["did you mean 'family_name'?"], id="a misspelt kind"
        ),
        pytest.param({"id": "uid", "fields": [{"column": "a", "kind": "text", "weight": 2}]}, ["'weight'"], id="tuning"),
        pytest.param({"id": "uid", "fields": [{"column": "a", "kind": "text"}] * 2}, ["'a'", "twice"], id="a column twice"),
        pytest.param({"id": "uid", "fields": [{"column": "a", "kind": ["text"]}]}, ["unknown kind"], id="a kind that is a list"),
    ],
)
def test_a_faulty_card_is_answered_in_one_sentence(card: Any, words: list[str]) -> None:
    with pytest.raises(Refused) as refused:
        read_fields(card, "f.yml")
    said = str(refused.value)
    assert said.startswith("f.yml: ")
    assert "\n" not in said
    for word in words:
        assert word in said


def test_the_kinds_are_those_of_the_contract() -> None:
    contract = """
    given_name middle_name family_name name_suffix full_name organization address street_number street unit city state postal_code phone
    email date year npi license_number identifier category text
    """
    assert set(KINDS) == set(contract.split())


def test_the_page_about_linking_shows_a_card_that_is_one_and_names_every_kind() -> None:
    page = (ROOT / "docs" / "linking.md").read_text(encoding="utf-8")
    (card,) = re.findall(r"```yml\n(.*?)```", page, re.DOTALL)
    assert read_fields(yaml.safe_load(card), "linking.md").id == "uid"
    assert [kind for kind in KINDS if f"`{kind}`" not in page] == []


def test_every_question_has_a_name_of_its_own() -> None:
    asked = respects(Fields("id", tuple(Field(str(at), kind) for at, kind in enumerate([*KINDS, *KINDS]))))
    names = [respect.name for respect in asked]
    assert len(set(names)) == len(names)


def test_an_organization_is_who_is_meant_only_where_no_person_is_named() -> None:
    alone = Fields("uid", (Field("clinic", "organization"), Field("phone", "phone")))
    beside = Fields("uid", (Field("clinic", "organization"), Field("name", "full_name")))
    assert [respect.group for respect in respects(alone)] == ["who", "place"]
    assert respects(beside)[0].group == "place", "colleagues share it"
