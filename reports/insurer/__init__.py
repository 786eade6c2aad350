"""The insurer's edition: its own listings back as it showed them, the fault, the change asked for, and room for its answer."""
