"""`rollcall sources`: the catalogue of sources and their health."""

from pathlib import Path

import click

from pipelines import settings as environment
from pipelines.verbs import Verbs, answer, as_json, with_data


@click.group(cls=Verbs, name="sources", epilog="Example: rollcall sources list")
def sources() -> None:
    """The catalogue of sources and their health."""


@sources.command(name="list", epilog="Example: rollcall sources list")
@as_json
@with_data
def list_sources(settings: environment.Settings, as_json: bool) -> None:
    """List the source cards that Rollcall ships."""
    from pipelines import health

    said = health.sources_list(settings)
    answer(said, as_json, lambda: health.sources_lines(said))


@sources.command(name="check", epilog="Example: rollcall sources check wa.doh --live")
@click.argument("name", metavar="NAME")
@click.option("--live", is_flag=True, help="Ask the source for its first page and read it.")
@as_json
@with_data
def check_source(settings: environment.Settings, name: str, live: bool, as_json: bool) -> None:
    """Validate a source card and say in one page how the source fares."""
    from pipelines import health

    said = health.check(settings, name, live)
    answer(said, as_json, lambda: health.check_lines(said))
    if said["failure"]:
        raise click.exceptions.Exit(3)
    if any(each["to_do"] for each in said["examples"]):
        raise click.exceptions.Exit(1)


@sources.command(name="new", epilog="Example: rollcall sources new insurer WA evergreen_mutual --start https://example.org/find")
@click.argument("kind", type=click.Choice(["insurer", "license_roll"]))
@click.argument("state", metavar="STATE")
@click.argument("name", metavar="NAME")
@click.option("--format", "format_", help="A format, or python where none fits. [cards for an insurer, table for a roll]")
@click.option("--start", help="Where to begin: an address, or files beside the card.")
@as_json
@with_data
def new_source(_: environment.Settings, kind: str, state: str, name: str, format_: str | None, start: str | None, as_json: bool) -> None:
    """Write card, invented example page and test of a new source; nothing is asked of anybody."""
    from pipelines import scaffold

    said = scaffold.new(kind, state, name, format_, start, Path.cwd())
    answer(said, as_json, lambda: scaffold.lines(said))


@sources.command(name="record", epilog="Example: rollcall sources record wa.evergreen_mutual --pages 2")
@click.argument("name", metavar="NAME")
@click.option("--pages", default=1, show_default=True, type=click.IntRange(1, 20), help="At most so many.")
@as_json
@with_data
def record_source(settings: environment.Settings, name: str, pages: int, as_json: bool) -> None:
    """Ask a source for pages, as politely as a visit does, and keep them cut down and disguised as examples."""
    from pipelines import recording

    said = recording.record(settings, name, pages)
    answer(said, as_json, lambda: iter(recording.record_lines(said)))
