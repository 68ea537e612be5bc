"""The model as MLflow serves it: code and data, no pickle. HTML goes in, a row per block comes out."""

from __future__ import annotations

from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from newsieve.classifier import Classifier


class Served(PythonModel):
    """Takes a table with a column `html` (and perhaps `url`); gives page number, text, label and probabilities."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the model folder that was logged."""
        self.classifier = Classifier.load(context.artifacts["model"])

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Label the blocks of every page of `model_input`."""
        del context, params
        urls = model_input["url"] if "url" in model_input else [None] * len(model_input)
        rows = []
        for number, (html, url) in enumerate(zip(model_input["html"], urls, strict=True)):
            for block in self.classifier.classify(html, url if isinstance(url, str) else None).blocks:
                shares = {label.value: share for label, share in block.probabilities.items()}
                rows.append({"page": number, "text": block.text, "label": block.label.value, **shares})
        return pd.DataFrame(rows, columns=["page", "text", "label", "content", "caption", "promo", "nav"])


set_model(Served())
