"""The verbs of `rollcall`, and what every one of them shares: where data lies, how it answers, and how long work speaks."""

import difflib
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import click

from pipelines import settings as environment
from pipelines.lines import printable

P = ParamSpec("P")
R = TypeVar("R")


class Verbs(click.Group):
    """The verbs in the order a person needs them; a misspelt one is answered with the nearest."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In order of definition, not of the alphabet."""
        return list(self.commands)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, naming the nearest verb."""
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], self.commands, n=1)
            raise click.UsageError(f"no verb {args[0]!r}; " + (f"did you mean {near[0]!r}?" if near else "`rollcall --help` lists them"))
        return super().resolve_command(ctx, args)


data_option = click.option(
    "--data", type=click.Path(file_okay=False, path_type=Path), help="Where evidence and results lie (or ROLLCALL_DATA). [./data]"
)


def with_data(verb: Callable[..., R]) -> Callable[..., R]:
    """Give a verb --data, and hand it Settings."""

    @data_option
    @wraps(verb)
    def wrapped(*args: Any, data: Path | None, **kwargs: Any) -> R:
        return verb(environment.read(data), *args, **kwargs)

    return wrapped


as_json = click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
audit_card = click.argument("audit", metavar="AUDIT")


def answer(said: object, as_json: bool, lines: Callable[[], Iterator[str]]) -> None:
    """Print one answer, for a program or for a person."""
    if as_json:
        click.echo(json.dumps(said, indent=2, default=str, ensure_ascii=False))
    else:
        for line in lines():
            click.echo(printable(line))


@contextmanager
def watching() -> Iterator[tuple[Callable[[str], None], Callable[[int, int | None, str], None]]]:
    """How long work speaks: a bar and lines on a terminal, plain lines elsewhere; always on stderr."""
    if not sys.stderr.isatty():
        yield (lambda line: click.echo(printable(line), err=True)), (lambda done, total, what: None)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True, highlight=False)
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        bar = bars.add_task("starting", total=None)

        def progress(done: int, total: int | None, what: str) -> None:
            bars.update(bar, completed=done, total=total, description=printable(what))

        def say(line: str) -> None:
            bars.update(bar, description=line[:60])
            console.print(printable(line), markup=False)

        yield say, progress
