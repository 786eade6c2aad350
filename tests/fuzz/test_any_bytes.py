"""Whatever bytes a source sends: no crash, no hang, no record from garbage; a problem with its place, or one sentence, instead."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scrapers import sources
from tests.fuzz.reads import Case, cases, check, formats, read

TRICKS = (
    *(
        b"\x00",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\xed\xa0\x80",
        b"\\ud800",
        b'"',
        b"'",
        b"\\",
        b"\r",
        b"\n\n",
        b"\t",
        b",",
        b"|",
        b";",
        b"<",
        b">",
    ),
    *(b"&#0;", b"&lt;", b"&#xD800;", b"<!--", b"-->", b"</", b"<![CDATA[", b"]]>", b"<script>", b"{", b"}", b"[", b"]", b"null", b"NaN"),
    *(
        b"1e999",
        b"-0",
        b"9" * 400,
        b"x" * 10_000,
        "\u202e".encode(),
        "\u0085".encode(),
        b"PK\x03\x04",
        b"\x1f\x8b",
        b"%PDF-1.7",
        b"=cmd|'/c'!A1",
    ),
)


@st.composite
def damaged(draw: st.DrawFn, seeds: tuple[bytes, ...]) -> bytes:
    """An example with a few things cut out, said twice, or put in."""
    body = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(body)))
        end = min(len(body), start + draw(st.integers(0, 80)))
        put = draw(st.one_of(st.sampled_from(TRICKS), st.binary(max_size=8), st.just(b""), st.just(body[start:end] * 2)))
        body = body[:start] + put + body[end:]
    return body


def bodies(case: Case) -> st.SearchStrategy[bytes]:
    return st.one_of(
        damaged(case.seeds), damaged(case.seeds), st.binary(max_size=300), st.text(max_size=200).map(lambda said: said.encode("utf-8"))
    )


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_any_bytes(case: Case) -> None:
    # the warehouse takes its time, and a PDF has a process of its own
    tries = 60 if hasattr(sources.format_of(case.source), "parse") else 4 if case.source.format == "pdf_table" else 25

    @settings(max_examples=tries, deadline=timedelta(seconds=5), derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(bodies(case))
    def holds(body: bytes) -> None:
        check(case, body)

    holds()


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_the_examples_themselves_are_read(case: Case) -> None:
    for body in case.seeds:
        check(case, body)
    assert any(row.get("problem") is None for body in case.seeds for row in read(case, body)), "no example gives a record"


def test_every_format_is_among_them() -> None:
    covered = {case.source.format for case in cases()}
    assert formats() <= covered, f"put a card.yml and an example into tests/fuzz/seeds for: {', '.join(sorted(formats() - covered))}"
