"""How right a network is, in sentences and as a table."""

from __future__ import annotations

from collections.abc import Sequence

from mnc.accuracy import TOP, Accuracy, Errors, Regression
from mnc.terminal.tables import Paper, listing

MOST = 12
"""Classes of which a table of confusions is shown; JSON has it for any number."""


def judged(found: Accuracy | Regression, how: str) -> list[str]:
    """How often, or how nearly, model and code are right, in lines; `how` says what the code was and where it ran."""
    samples = f"{found.samples} samples"
    if isinstance(found, Accuracy):
        model, code = found.model, found.code
        lines = [
            f"accuracy: {model.accuracy:.2%} of {samples} by the model, {code.accuracy:.2%} by the code "
            f"({how}); they agree on {found.agreement:.2%}"
        ]
        if model.top is not None and code.top is not None:
            lines.append(f"among the first {TOP}: {model.top:.2%} by the model, {code.top:.2%} by the code")
        if model.auc is not None and code.auc is not None:
            lines.append(f"area under the curve: {model.auc:.4f} by the model, {code.auc:.4f} by the code")
        return lines
    model_, code_ = _errors(found.model), _errors(found.code)
    return [
        f"error over {samples}: {model_} by the model; {code_} by the code ({how})",
        f"likeness: {_likeness(found.model)} by the model; {_likeness(found.code)} by the code",
    ]


def confusion(found: Accuracy | Regression, paper: Paper, classes: Sequence[str] = ()) -> str:
    """How often the code chose each class, a row for each right class; empty where there are no or too many classes.

    `classes` are their names, where somebody has said them.
    """
    if not isinstance(found, Accuracy) or len(found.code.confusion) > MOST:
        return ""
    heads = ("<right class", *(f">as {i}" for i in range(len(found.code.confusion))))
    names = classes if len(classes) == len(found.code.confusion) else [""] * len(found.code.confusion)
    rows = (
        (f"{i} {name}".rstrip(), *(str(count or "") for count in row))
        for i, (name, row) in enumerate(zip(names, found.code.confusion, strict=True))
    )
    return listing(heads, rows, paper)


def _errors(found: Errors) -> str:
    words = [f"RMSE {found.rmse:.4g}", f"MAE {found.mae:.4g}"]
    words += [] if found.correlation is None else [f"correlation {found.correlation:.4f}"]
    return ", ".join(words)


def _likeness(found: Errors) -> str:
    words = [] if found.r2 is None else [f"R2 {found.r2:.4f}"]
    words += [] if found.cosine is None else [f"cosine {found.cosine:.5f}"]
    words += [] if found.sqnr is None else [f"SQNR {found.sqnr:.1f} dB"]
    return ", ".join(words) or "none known"
