"""From records to findings, without opening a file. `link`, then `findings`, on an open connection."""

from matching.findings import findings, sensitivity
from matching.linking import link
from matching.records import Settings

__all__ = ["Settings", "findings", "link", "sensitivity"]
