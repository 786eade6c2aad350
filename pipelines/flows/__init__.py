"""The one door to Prefect. Every flow is callable without a server: `audit.fn(...)` runs the same stages."""
