"""The reports' models, cards and drawn tables agree with each other and with the tables upstream."""

import pytest

from pipelines import models
from tests.reports.world import SHAPES, World

UPSTREAM = {model.name: model for model in [*models.load("pipelines/sql", "curated"), *models.load("matching/sql", "matching")]}


@pytest.mark.parametrize("table", SHAPES)
def test_what_is_drawn_here_is_there_in_truth(table: str) -> None:
    drawn = {column.split()[0] for column in SHAPES[table].split(",")}
    assert drawn <= set(UPSTREAM[table].columns)


def test_models_run_in_order_and_their_cards_name_every_column(world: World) -> None:
    cards = models.load("reports/sql", "reports")
    done = [model.name for model in models.build(world.con, cards, {"grace_days": 30, "profession": "massage_therapist"})]
    for chain in (("in_scope", "flagged", "flow"), ("in_scope", "side", "adequacy", "breadth"), ("side", "inflation")):
        places = [done.index(f"reports.{table}") for table in chain]
        assert places == sorted(places)
    models.describe(world.con, [card for card in cards if card.sql])
    said = world.rows("select comment from duckdb_columns() where schema_name = 'reports' and comment is null")
    assert said == []
