"""One way in: `rollcall <verb>`."""

import errno
import sys
from typing import NoReturn

import click

from pipelines.lines import printable
from pipelines.verbs import Verbs, auditing, filing, looking, sources
from scrapers.records import Refused

UNWRITABLE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.ENOSPC}

# In the order a person needs them, which is the order of `rollcall --help`.
VERBS = (
    *(auditing.demo, auditing.run, *auditing.STAGES, auditing.plan, looking.status, looking.doctor),
    *(filing.file_run, filing.make_packet, filing.verify, looking.why, looking.link, looking.query),
    *(auditing.deploy, sources.sources, looking.evidence, filing.import_, filing.sample),
)


@click.group(cls=Verbs, commands=VERBS, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="rollcall", message="%(prog)s %(version)s")
def rollcall() -> None:
    """Audit health insurers' provider directories against state license rolls, with the evidence kept."""


def main() -> None:
    """Run the command; every way out has the exit status that README.md lists, and at most one sentence on stderr."""
    try:
        sys.exit(rollcall.main(standalone_mode=False))  # what click returns is the status a verb left with, or None
    except click.ClickException as wrong:
        wrong.show()
        sys.exit(2)
    except Refused as reason:
        click.echo(f"rollcall: {printable(reason)}", err=True)
        sys.exit(reason.status)
    except (KeyboardInterrupt, click.exceptions.Abort):
        _interrupted()
    except RuntimeError as error:
        if str(error) != "Query interrupted":  # what DuckDB makes of Ctrl-C
            raise
        _interrupted()
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output went away, as `| head` does
        sys.exit(0)
    except OSError as wrong:
        if wrong.errno not in UNWRITABLE:
            raise
        where = f"{wrong.filename} cannot be written" if wrong.filename else "something cannot be written"
        click.echo(f"rollcall: {where} ({wrong.strerror}); make room or leave for it there, or give another folder with --data", err=True)
        sys.exit(2)


def _interrupted() -> NoReturn:
    click.echo("rollcall: interrupted; what was collected is kept, and the same command goes on from there", err=True)
    sys.exit(130)
