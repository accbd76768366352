"""The sound of a WAV file as the frames that microWakeWord's networks take, on the standard output.

python front_end.py hello.wav | ./listen

The front end is TensorFlow Lite Micro's, of the package pymicro-features: a
spectrum of 30 ms every 10 ms, 40 features, noise taken away.  Each feature is
written as the integer of 16 bits that it is on a device, low byte first.
"""

from __future__ import annotations

import sys
import wave
from collections.abc import Iterator

import numpy as np
from pymicro_features import MicroFrontend

RATE = 16_000
CHUNK = RATE // 100
STEP = 0.0390625
"""1 / 25.6, by which the package multiplies the integers."""
SILENCE = np.zeros(RATE, np.int16)
"""A second before the sound, in which the front end learns the noise of the room, and one after it."""


def samples(path: str) -> np.ndarray:
    """The sound at 16 kHz, as integers of 16 bits."""
    with wave.open(path, "rb") as file:
        if (file.getsampwidth(), file.getnchannels()) != (2, 1):
            raise SystemExit(f"{path}: not one channel of 16 bits")
        rate = file.getframerate()
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    if rate == RATE:
        return sound
    count = len(sound) * RATE // rate
    spectrum = np.fft.rfft(sound)
    resampled = np.fft.irfft(spectrum[: count // 2 + 1], count) * count / len(sound)
    return np.clip(np.round(resampled), -(2**15), 2**15 - 1).astype("<i2")


def frames(sound: np.ndarray) -> Iterator[np.ndarray]:
    """Its features, 40 for every 10 ms."""
    front_end = MicroFrontend()
    while len(sound) >= CHUNK:
        made = front_end.process_samples(sound[:CHUNK].tobytes())
        sound = sound[made.samples_read :]
        if made.features:
            yield np.round(np.array(made.features) / STEP).astype("<u2")


if __name__ == "__main__":
    for frame in frames(np.concatenate([SILENCE, samples(sys.argv[1]), SILENCE])):
        sys.stdout.buffer.write(frame.tobytes())
