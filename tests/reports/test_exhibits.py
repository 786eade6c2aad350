"""An exhibit's page: everything on it, tagged, and nothing a name from outside could do to it."""

import io
import re
from dataclasses import replace

import pikepdf
import pypdf
import pytest

from reports.exhibits import Cited, Exhibit, Response, by_response
from reports.render import exhibits as render

COVER = render.Cover(title="Exhibits", marks=("DRAFT", "INVENTED"), run_id="20261122T181502Z", made_at="2026-11-22T18:15:02Z")
RESPONSE = Response(
    evidence_id="3547e3414c7a4258fb72",
    snapshot_id="evergreen@2026-11-20-f4f22ae8870e",
    source_id="evergreen",
    source="Evergreen directory",
    url="https://evergreen.example/find?" + "&".join(f"field{n}=value" for n in range(20)),
    fetched_at="2026-11-20T18:15:02Z",
    status="200",
    sha256="5" * 64,
    byte_count=12_820,
)
EXHIBIT = Exhibit(
    code="B7A-G49-TFP",
    finding_id="59d502274f1ab366",
    check="lapsed_license",
    title="License expired, inactive or closed",
    tier="A",
    severity="serious",
    stage="flagged",
    sentence="Listed on 2026-11-20 in Cascade Silver; license MA60123456 had expired on 2026-03-02, 263 days before.",
    source_id="evergreen",
    insurer="Evergreen Mutual",
    network="Cascade Silver",
    observed_on="2026-11-20",
    claim_id="c",
    listing_id="l",
    name="Ana Lee",
    license_key="MA60123456",
    listing=(("Name", "Ana Lee"), ("ZIP3", "003")),
    other=(),
    roll=(("License", "MA60123456"), ("Status as printed", "EXPIRED")),
    reasons=("license number MA60123456 on both (+14.8)",),
    timeline=(("2026-10-20", "first seen so"), ("2026-11-20", "still listed so")),
    rules=(("RCW 48.49.090 (text verified 2026-11-22)", "Directories are updated."),),
    steps=("Open the page and look for Ana Lee.",),
    responses=(RESPONSE,),
    cited=(
        Cited(part="listing", id="l", evidence_id=RESPONSE.evidence_id, locator="block 17", said={"name": "Ana Lee"}, strong=("name",)),
    ),
)
HOSTILE = ["<script>alert(1)</script>", "#set page(fill: red); $x^2$ *bold*", "W" * 140, "\u202eevil\u0007", "漢字 🌲"]


@pytest.fixture(scope="module")
def printed() -> bytes:
    return render.document(
        [EXHIBIT, *(replace(EXHIBIT, name=each, listing=(("Name", each),), sentence=each) for each in HOSTILE)],
        {"l": "bytes 1 to 9"},
        COVER,
    )


def test_a_page_says_all_that_is_known(printed: bytes) -> None:
    pages = [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(printed)).pages]
    assert len(pages) == 1 + len(HOSTILE)
    whole = re.sub(r"\s", "", pages[0])
    said = [EXHIBIT.code, EXHIBIT.sentence, RESPONSE.sha256, RESPONSE.url, RESPONSE.fetched_at, "bytes 1 to 9", "block 17", "DRAFT"]
    said += [text for pairs in (EXHIBIT.listing, EXHIBIT.roll, EXHIBIT.rules, EXHIBIT.timeline) for pair in pairs for text in pair]
    for each in [*said, *EXHIBIT.reasons, *EXHIBIT.steps]:
        assert re.sub(r"\s", "", each) in whole, each


def test_the_pdf_is_tagged_and_the_same_twice(printed: bytes) -> None:
    with pikepdf.open(io.BytesIO(printed)) as document:
        assert document.Root.MarkInfo.Marked and str(document.Root.Lang) == "en"
        seen: list[str] = []

        def walk(node: pikepdf.Object) -> None:
            if isinstance(node, pikepdf.Dictionary) and "/S" in node:
                seen.append(str(node.S))
            for each in node.get("/K", []) if isinstance(node, pikepdf.Dictionary) and isinstance(node.get("/K"), pikepdf.Array) else []:
                if isinstance(each, pikepdf.Dictionary):
                    walk(each)

        walk(document.Root.StructTreeRoot)
    assert seen.count("/H1") == 1 + len(HOSTILE) and "/H2" in seen and "/L" in seen
    again = render.document([EXHIBIT], {}, COVER)
    assert again == render.document([EXHIBIT], {}, COVER)


def test_the_web_page_shows_every_text_as_text() -> None:
    page = render.page([replace(EXHIBIT, name=each, sentence=each, listing=(("Name", each),)) for each in HOSTILE], {}, COVER)
    assert "<script>alert" not in page and "&lt;script&gt;" in page and "[U+202E]" in page
    assert f'id="{EXHIBIT.code}"' in page and "no bytes of the response" in page


def test_each_record_is_cited_once_however_many_rest_on_it() -> None:
    twice = by_response([EXHIBIT, replace(EXHIBIT, finding_id="other")])
    assert {evidence: set(records) for evidence, records in twice.items()} == {RESPONSE.evidence_id: {"l"}}
