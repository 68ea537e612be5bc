"""newsieve tells content, captions, promos and navigation apart on news-aggregator pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from newsieve.classifier import Classifier, ModelError
    from newsieve.dom.limits import Limits
    from newsieve.labels import Kind, Label
    from newsieve.page import Block, Page, Picture
    from newsieve.shipped import classify, classify_many, classify_text

__all__ = [
    "Block", "Classifier", "Kind", "Label", "Limits", "ModelError", "Page", "Picture", "classify", "classify_many",
    "classify_text",
]  # fmt: skip
__version__ = "0.1.0"

_HOMES = {
    "Block": "page", "Classifier": "classifier", "Kind": "labels", "Label": "labels", "Limits": "dom.limits",
    "ModelError": "classifier", "Page": "page", "Picture": "page", "classify": "shipped", "classify_many": "shipped",
    "classify_text": "shipped",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Load the public names when they are first used, so that importing the package does no work."""
    if name not in _HOMES:
        raise AttributeError(f"module 'newsieve' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"newsieve.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
