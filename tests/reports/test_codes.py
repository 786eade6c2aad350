"""A code said over a telephone names one finding, and a slip of the tongue names none."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports import codes

ids = st.integers(0, 2**64 - 1).map("{:016x}".format)
lengths = st.sampled_from(codes.LENGTHS)


def test_examples() -> None:
    assert doctest.testmod(codes).failed == 0


@given(ids, lengths)
def test_a_code_gives_back_what_it_was_made_of(finding_id: str, digits: int) -> None:
    said = codes.code(finding_id, digits)
    assert codes.read(said) == codes.read(said.lower().replace("-", " ")) == finding_id[:digits]
    assert not set(said) & set("ILOU")


@given(ids, lengths, st.data())
def test_one_wrong_character_is_noticed(finding_id: str, digits: int, data: st.DataObject) -> None:
    said = codes.code(finding_id, digits).replace("-", "")
    place = data.draw(st.integers(0, len(said) - 1))
    other = data.draw(st.sampled_from([each for each in codes.ALPHABET if each != said[place]]))
    with pytest.raises(ValueError, match="check character"):
        codes.read(said[:place] + other + said[place + 1 :])


@given(ids, lengths, st.data())
def test_two_characters_that_changed_places_are_noticed(finding_id: str, digits: int, data: st.DataObject) -> None:
    said = list(codes.code(finding_id, digits).replace("-", ""))
    first, second = data.draw(st.lists(st.integers(0, len(said) - 1), min_size=2, max_size=2, unique=True))
    swapped = said.copy()
    swapped[first], swapped[second] = said[second], said[first]
    if swapped != said:
        with pytest.raises(ValueError, match="check character"):
            codes.read("".join(swapped))


@given(st.lists(ids, max_size=30), st.integers(0, 15))
def test_no_two_findings_of_a_run_share_a_code(found: list[str], shared: int) -> None:
    """Also where their ids begin alike, as far as an id goes."""
    alike = {"0" * shared + each[shared:] for each in found}
    distinct = {each[:15]: each for each in [*found, *alike]}.values()
    named = codes.codes(distinct)
    assert len(set(named.values())) == len(named) == len(set(distinct))


@pytest.mark.parametrize(
    ("said", "sentence"),
    [("B7A-G49", "has 6 characters"), ("B7A-G49-TF!", "holds '!'"), ("", "has 0 characters"), ("UUU-UUU-UUU", "holds 'U'")],
)
def test_what_is_no_code_is_refused_in_words(said: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        codes.read(said)


@pytest.mark.parametrize("finding_id", ["", "59d502274", "finding-one-two", "59d502274g1ab366"])
def test_only_an_id_has_a_code(finding_id: str) -> None:
    with pytest.raises(ValueError, match="is no finding id"):
        codes.code(finding_id)
