"""Keras, which only training needs: loaded here and nowhere else."""

from __future__ import annotations

import importlib
import importlib.util
import os
from typing import Any

from mnc import extras
from mnc.errors import refuse

BACKENDS = ("jax", "tensorflow", "torch")
"""Backends of Keras, the one that the extra installs first."""
HINT = extras.install("train")


def keras() -> Any:
    """The module; CompileError where Keras 3 or its backend is not installed.

    The backend is the one that KERAS_BACKEND names, or the first of `BACKENDS` that is installed.
    """
    if importlib.util.find_spec("keras") is None:
        raise refuse("training", "needs Keras, which is not installed", HINT)
    if "KERAS_BACKEND" not in os.environ:
        found = next((name for name in BACKENDS if importlib.util.find_spec(name)), None)
        if found is None:
            raise refuse("training", "Keras has nothing to compute with", HINT)
        os.environ["KERAS_BACKEND"] = found
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's remarks on the processor
    try:
        module = importlib.import_module("keras")
    except (ImportError, ValueError) as fault:
        backend = os.environ["KERAS_BACKEND"]
        raise refuse("training", f"Keras does not start on {backend!r}: {fault}", HINT) from None
    if int(module.__version__.split(".")[0]) < 3:
        raise refuse("training", f"needs Keras 3, not {module.__version__}", HINT)
    return module
