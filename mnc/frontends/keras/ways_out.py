"""Ways out of refusals that many layers share.

A hint names what the owner of the file can do so that the network stays as it
is: give the file as Keras wrote it where Keras cannot have written this one,
and another file of the same network where mnc is what falls short.
"""

from __future__ import annotations

SAVE_AGAIN = "Keras does not write this; give the file as model.save wrote it, or save the model again"
"""Where no version of Keras writes such a file."""

AS_TFLITE = (
    "convert the model, tf.lite.TFLiteConverter.from_keras_model(model).convert(), with Input(batch_size=1) if it has "
    "recurrent layers, and compile the .tflite, in which TensorFlow has put simpler operators in its place"
)
"""Where mnc does not know what Keras does."""

ONE_SAMPLE = "the network computes one sample at a time; name the axes after the batch, from 1 or from the last, -1"
"""Where an operation goes along the batch."""


def at_most(limit: int, what: str) -> str:
    """The way out where the code would be too long: the same weights serve fewer steps or planes."""
    return f"build the model for inputs of {limit} {what} at most; its weights fit without a change"
