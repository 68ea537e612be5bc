"""What a stage raises when its input cannot be used: one line that says what is wrong and what to do."""

from __future__ import annotations


class PipelineError(Exception):
    """Bad input to a stage. The message is for the person who runs it."""
