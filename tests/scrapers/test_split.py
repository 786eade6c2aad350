"""JSON cut into its records by bytes: whatever it looks like, record for record, or a fault with its place; never a record from garbage."""

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scrapers.formats import _split
from scrapers.formats._split import EACH, WHOLE, Piece
from scrapers.records import SourceUnreadable

TEXTS = st.text(st.sampled_from('ab "\\[]{},:\n\té\u2028😀'), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
WRITTEN = st.fixed_dictionaries(
    {
        "indent": st.sampled_from([None, 0, 1, "\t"]),
        "separators": st.sampled_from([None, (",", ":"), (" , ", " : "), (",\r\n", ":\n")]),
        "ensure_ascii": st.booleans(),
    }
)


def stream(body: bytes, block: int, largest: int = _split.LARGEST) -> Iterator[Piece]:
    cut = (body[at : at + block] for at in range(0, len(body), block))
    return _split.pieces(cut, EACH, {"providers": EACH}, largest)


def pieces(body: bytes, block: int = 1 << 20, largest: int = _split.LARGEST) -> list[Piece]:
    return list(stream(body, block, largest))


def records(found: list[Piece]) -> list[Any]:
    """The records, once it is sure that they are numbered as they stand and written one to a line."""
    read: list[Any] = []
    for piece in found:
        if piece.fault is None and piece.members is None:
            assert piece.number == len(read) + 1
            assert not any(b"\n" in each for each in piece.found)
            read += [json.loads(each) for each in piece.found]
    return read


def faults(found: list[Piece]) -> list[str]:
    return [piece.fault for piece in found if piece.fault]


@settings(max_examples=120, deadline=None)
@given(st.lists(VALUES, max_size=6), WRITTEN, st.integers(1, 40), st.sampled_from(["array", "object", "before and after"]))
def test_whatever_json_writes_reads_back(values: list[Any], written: dict[str, Any], block: int, container: str) -> None:
    whole: Any = values
    if container != "array":
        beside = {"a": "x]}", "b": {"providers": [1]}, "c": [[{}], "{"]} if container == "before and after" else {}
        whole = {**beside, "providers": values, **{f"{key} too": each for key, each in beside.items()}}
    found = pieces(json.dumps(whole, **written).encode(), block)
    assert records(found) == values
    assert faults(found) == []


@settings(max_examples=80, deadline=None)
@given(st.lists(st.dictionaries(TEXTS, VALUES, max_size=3), min_size=2, max_size=5), st.booleans(), st.integers(1, 40))
def test_one_object_to_a_line_reads_back(values: list[Any], ascii_only: bool, block: int) -> None:
    found = pieces("\r\n".join(json.dumps(each, ensure_ascii=ascii_only) for each in values).encode(), block)
    if "providers" not in values[0]:
        assert (records(found), faults(found)) == (values, [])


@settings(max_examples=120, deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=5), WRITTEN, st.booleans(), st.data())
def test_a_file_that_breaks_off_gives_what_stood_before_and_is_refused(
    values: list[Any], written: dict[str, Any], keyed: bool, data: st.DataObject
) -> None:
    body = json.dumps({"as of": "x", "providers": values} if keyed else values, **written).encode()
    short = body[: data.draw(st.integers(0, len(body) - 1))]
    read: list[Piece] = []
    with pytest.raises(SourceUnreadable) as refused:
        read.extend(stream(short, 7))
    assert refused.value.failure in {"cut_short", "empty"}
    assert records(read) == values[: len(records(read))]


@settings(max_examples=120, deadline=None)
@given(st.binary(max_size=60) | st.text(st.sampled_from('[]{}",:\\ \n1ab'), max_size=60).map(str.encode), st.integers(1, 9))
def test_no_bytes_whatever_make_it_crash_or_hang(body: bytes, block: int) -> None:
    try:
        found = pieces(b"[" + body, block)
    except SourceUnreadable:
        return
    try:
        whole = json.loads(b"[" + body)
    except (ValueError, RecursionError):
        return
    assert len(whole) == sum(len(piece.found) for piece in found)


@pytest.mark.parametrize(
    ("body", "read", "fault"),
    [
        ('[{"n":1} oops {"n":2}]', [1, 2], "no JSON after this record"),
        ('[{"n":1},,{"n":2}]', [1, 2], "no JSON after this record"),
        ('[{"n":1}{"n":2}]', [1, 2], "no JSON after this record"),
        ('[{"n":1},]', [1], "no JSON after this record"),
        ('[,{"n":1}]', [1], "no JSON after this record"),
        ('[{"n":1}] and more', [1], "bytes after the end of the JSON"),
        ('[{"n":1}] [{"n":2}]', [1], "bytes after the end of the JSON"),
        ('{"n":1}\noops\n{"n":2}', [1, 2], "no JSON after this record"),
        ('{"a" 7, "providers":[{"n":1}]}', [], "no JSON between the members of an object"),
        ('{"providers":{"n":1}}', [], "an object where a list was expected"),
    ],
)
@pytest.mark.parametrize("block", [1, 5, 1000])
def test_garbage_is_a_fault_with_its_place_beside_the_records_that_are_whole(body: str, read: list[int], fault: str, block: int) -> None:
    found = pieces(body.encode(), block)
    assert [each["n"] for each in records(found)] == read
    assert faults(found) == [fault]


@pytest.mark.parametrize("body", ['[{"n":1}}', '[{"n":1}', '{"providers":[{"n":1}}', "]", '{"n":1}\n]', '[{"n":[1}]'])
def test_brackets_that_do_not_pair_are_refused(body: str) -> None:
    with pytest.raises(SourceUnreadable, match=r"closes what was not opened|breaks off|begins with"):
        pieces(body.encode(), 3)


@pytest.mark.parametrize("body", ["7", "<html>", "nonsense", '"text"', "\ufeff\ufeff[]"])
def test_what_does_not_begin_as_json_is_refused(body: str) -> None:
    with pytest.raises(SourceUnreadable, match="expected JSON"):
        pieces(body.encode())


def test_a_record_too_large_to_hold_is_a_fault_and_its_neighbours_are_read() -> None:
    body = json.dumps([{"n": 1}, {"n": 2, "text": "[" * 5000}, {"n": 3}, {"n": 4, "list": [0] * 3000}, {"n": 5}]).encode()
    for block in (64, 1000, 100_000):
        found = pieces(body, block, largest=2000)
        assert [json.loads(each)["n"] for piece in found for each in piece.found] == [1, 3, 5]
        assert [(piece.number, piece.fault) for piece in found if piece.fault] == [
            (number, "larger than 0 MiB; no record is") for number in (2, 4)
        ]
        assert next(piece.number for piece in found if piece.found) == 1


def test_a_text_without_end_is_refused_before_it_fills_the_memory() -> None:
    body = b'{"providers": [{"n":1}], "note": "' + b"x" * 10_000
    with pytest.raises(SourceUnreadable, match="without a bracket") as refused:
        pieces(body, 100, largest=2000)
    assert refused.value.failure == "too_large"


def test_what_nobody_asked_for_may_be_of_any_size_and_an_object_alone_is_told_whole() -> None:
    beside = json.dumps({"formulary": [[0] * 50] * 100, "providers": [{"n": 1}]}).encode()
    assert records(pieces(beside, 100, largest=2000)) == [{"n": 1}]
    (alone,) = pieces(b' {"npi": "x", "plans": [1]} ')
    assert (alone.path, alone.members, alone.found) == ((), {"npi": "x"}, [b'{"npi": "x", "plans": [1]}'])


def test_a_plan_may_lead_deeper_and_steps_over_what_is_not_on_it() -> None:
    body = (
        b'{"v": "2", "items": [{"code": "a", "rates": [{"ids": [1, 2], "prices": [{"x": [9]}]}, {"ids": [3]}]}, {"code": "b"}], "end": 1}'
    )
    plan = {"items": {"rates": {"ids": WHOLE}}}
    for block in (1, 9, 1000):
        cut = (body[at : at + block] for at in range(0, len(body), block))
        said = [(each.path, each.number, each.found or each.members) for each in _split.pieces(cut, None, plan)]
        assert said == [
            (("items", "rates", "ids"), 1, [b"[1, 2]"]),
            (("items", "rates", "ids"), 2, [b"[3]"]),
            (("items",), 1, {"code": "a"}),
            (("items",), 2, {"code": "b"}),
            ((), 1, {"v": "2", "end": "1"}),
        ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
def test_the_encoding_is_the_cards(encoding: str) -> None:
    body = io.BytesIO('[{"n": "Zoë"}]'.encode(encoding))
    said = encoding if encoding in ("latin-1", "utf-16") else "utf-8"
    assert records(list(_split.pieces(_split.blocks(body, said), EACH, {"providers": EACH}))) == [{"n": "Zoë"}]
