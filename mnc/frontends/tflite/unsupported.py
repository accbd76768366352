"""The ways out where an operator is not supported, by what kind of operator it is."""

from __future__ import annotations

KERAS = "compile the Keras model (.h5 or .keras) instead, whose recurrent layers are read"
ELSEWHERE = "docs/tflite.md lists the operators that are; build the network from layers that convert to those"

WAYS_OUT: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("WHILE", "IF", "CALL", "STABLEHLO_WHILE"),
        f"{KERAS}; or convert with a fixed batch, tf.keras.Input(batch_size=1, ...), which leaves no loop of an LSTM",
    ),
    (("LSTM", "RNN"), f"{KERAS}, and computed in float32"),
    (
        ("HASHTABLE", "HASHTABLE_FIND", "HASHTABLE_IMPORT", "HASHTABLE_LOOKUP", "STRING"),
        "texts are for the program round the network; let it give numbers to the network",
    ),
)
"""Names of operators, or their endings, and what to do."""

CUSTOM: tuple[tuple[str, str], ...] = (
    (
        "Signal",
        "it is of TensorFlow Lite Micro's signal library; cut the network behind it, and compute features outside",
    ),
    (
        "Flex",
        "convert with converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS], without SELECT_TF_OPS, "
        "and build the network from layers that convert to those",
    ),
    ("TFLite_Detection_PostProcess", "cut the network in front of it: its boxes and scores are chosen in the program"),
    ("", "custom operators have no meaning outside of the program that knows them; build the network from layers"),
)
"""How names of custom operators begin, and what to do."""


def way_out(kind: str) -> str:
    """The way out for the owner of a file with this operator."""
    if kind.startswith("CUSTOM "):
        name = kind.removeprefix("CUSTOM ").strip("'\"")
        return next(hint for beginning, hint in CUSTOM if name.startswith(beginning))
    for names, hint in WAYS_OUT:
        if any(kind == name or kind.endswith(f"_{name}") for name in names):
            return hint
    return ELSEWHERE
