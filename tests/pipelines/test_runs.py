"""When a run goes on and when it begins anew."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipelines import runs
from pipelines.settings import Settings
from scrapers.records import Refused
from scrapers.sources import Audit, load_audit

NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)


@pytest.fixture
def audit(tmp_path: Path) -> Audit:
    (tmp_path / "alder.yml").write_text("{title: Alder, kind: insurer, format: table, start: alder.csv, columns: {name: Name}}")
    (tmp_path / "story.yml").write_text("{title: Story, state: ZZ, profession: massage_therapist, insurers: [./alder.yml], publish: []}")
    return load_audit(tmp_path / "story.yml")


def at(tmp_path: Path, when: datetime) -> Settings:
    return Settings(data=tmp_path / "data", now=when)


def test_an_interrupted_run_goes_on(audit: Audit, tmp_path: Path) -> None:
    run = runs.collected(runs.begin(at(tmp_path, NOW), audit), "alder", "alder@2026-11-22-0123")
    resumed = runs.begin(at(tmp_path, NOW + timedelta(hours=47)), audit)
    assert (resumed.id, resumed.snapshots) == (run.id, {"alder": "alder@2026-11-22-0123"})


def test_after_48_hours_it_begins_anew(audit: Audit, tmp_path: Path) -> None:
    runs.begin(at(tmp_path, NOW), audit)
    assert runs.begin(at(tmp_path, NOW + timedelta(hours=48)), audit).id == "20261124T180000Z"


def test_a_changed_card_begins_anew(audit: Audit, tmp_path: Path) -> None:
    first = runs.begin(at(tmp_path, NOW), audit)
    second = runs.begin(at(tmp_path, NOW + timedelta(hours=1)), replace(audit, grace_days=60))
    assert second.id != first.id


def test_a_run_that_a_guard_stopped_visits_that_source_anew(audit: Audit, tmp_path: Path) -> None:
    run = runs.collected(runs.begin(at(tmp_path, NOW), audit), "alder", "alder@2026-11-22-0123")
    run = runs.collected(run, "birch", "birch@2026-11-22-4567")
    runs.again(runs.finished(run, "collect"), ["alder"])
    later = runs.begin(at(tmp_path, NOW + timedelta(hours=1)), audit)
    assert (later.id, later.done, later.snapshots) == (run.id, (), {"birch": "birch@2026-11-22-4567"})


def test_a_published_run_is_never_changed(audit: Audit, tmp_path: Path) -> None:
    run = runs.begin(at(tmp_path, NOW), audit)
    for stage in runs.STAGES:
        run = runs.finished(run, stage)
    again = runs.begin(at(tmp_path, NOW + timedelta(hours=1)), audit, "match")
    assert again.id == "20261122T190000Z"
    assert again.done == ("collect", "curate")


def test_a_stage_does_not_go_on_from_tables_that_another_card_made(audit: Audit, tmp_path: Path) -> None:
    runs.finished(runs.begin(at(tmp_path, NOW), audit), "match")
    with pytest.raises(Refused, match="changed since the last curate"):
        runs.begin(at(tmp_path, NOW), replace(audit, grace_days=365), "publish")
    assert runs.begin(at(tmp_path, NOW), replace(audit, grace_days=365), "curate").done == ()
