"""Packets: what is handed to a commissioner, an insurer, a therapist; made from one run, and checked with no network and no database."""

from pipelines.packet.build import build as build
from pipelines.packet.verify import check as check
from pipelines.packet.verify import lines as lines
from pipelines.packet.verify import verify as verify
