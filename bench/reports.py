"""Makes the report's page of well-known networks, and pictures of one for the README.

    python bench/reports.py [--models FOLDER] [--only NAME]... [-o FOLDER] [--screenshots FOLDER]

The folder of trained models is that of the tests: MNC_MODELS, or `shared/models`
beside the project.  The screenshots need chromium.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from mnc.cli import run

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parent / "examples"
TARGET = "cortex-m4"

MODELS = {
    "vww": "mlperf_tiny/vww_96.h5",
    "vww_int8": "mlperf_tiny/vww_96_int8.tflite",
    "kws": "mlperf_tiny/kws_ref_model.keras2.h5",
    "kws_int8": "mlperf_tiny/kws_ref_model.tflite",
    "resnet8": "mlperf_tiny/pretrainedResnet.h5",
    "resnet8_int8": "mlperf_tiny/pretrainedResnet_quant.tflite",
    "wake_word": "mlperf_tiny/str_ww_ref_model.h5",
    "wake_word_int8": "mlperf_tiny/str_ww_ref_model.tflite",
    "hey_jarvis": "real/ww_v2_hey_jarvis.tflite",
}
"""Names of reports, and files in the folder of trained models."""
OWN = {"gru": "gru_keywords.mnc"}
"""Likewise in the folder of examples."""

SHOT = "resnet8_int8"
"""The network of the screenshots."""
SCHEMES = {"light": 1, "dark": 0}
"""Names of screenshots, and how chromium numbers the scheme."""
WINDOW, SCALE = (1450, 1500), 0.68
"""Pixels of the page that is shown, and of the picture for one of these."""


def files(models: Path) -> Mapping[str, Path]:
    """The file of each network, by the name of its report."""
    return {name: models / file for name, file in MODELS.items()} | {
        name: EXAMPLES / file for name, file in OWN.items()
    }


def screenshot(page: Path, picture: Path, scheme: int) -> None:
    """The top of a page as PNG."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("chromium is not installed; on Debian: apt install chromium")
    with tempfile.TemporaryDirectory() as profile:
        command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
        command += [f"--blink-settings=preferredColorScheme={scheme}", "--hide-scrollbars"]
        command += [f"--window-size={WINDOW[0]},{WINDOW[1]}", f"--force-device-scale-factor={SCALE}"]
        command += ["--virtual-time-budget=10000", f"--screenshot={picture.resolve()}", page.resolve().as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=300)


def main(arguments: list[str] | None = None) -> None:
    """Compile, measure and write."""
    default = Path(os.environ.get("MNC_MODELS", HERE.parent.parent / "shared" / "models"))
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--models", type=Path, default=default, help="the folder of trained models")
    parser.add_argument("--only", choices=[*MODELS, *OWN], action="append", help="this report; may be repeated")
    parser.add_argument("-o", "--output", type=Path, default=HERE.parent / "build" / "reports")
    parser.add_argument("--screenshots", type=Path, help=f"the folder for pictures of {SHOT}, light and dark")
    given = parser.parse_args(arguments)
    for name, file in files(given.models).items():
        if given.only and name not in given.only:
            continue
        page = given.output / f"{name}.html"
        if status := run(["report", str(file), "-o", str(page), "--name", name, "--target", TARGET]):
            sys.exit(status)
        print(f"wrote {page}, {page.stat().st_size:,} bytes", flush=True)
        if given.screenshots and name == SHOT:
            for scheme, number in SCHEMES.items():
                screenshot(page, given.screenshots / f"report_{scheme}.png", number)


if __name__ == "__main__":
    main()
