"""The one door to Prefect. Every flow is callable without a server: `audit.fn(...)` runs the same stages."""

from pipelines import settings

settings.tell_nobody()  # Prefect reads these settings while it is imported, so before anything in this package
