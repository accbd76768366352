"""A CMSIS-Pack: its description `<vendor>.<name>.pdsc`, the code as a component, the example as a template.

Layout: the Open-CMSIS-Pack specification, and the order of elements in its schema.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

import mnc
from mnc.compiler import Build
from mnc.ir.types import Array
from mnc.output import MARK
from mnc.packages.example import AUTHOR, LICENCE, VERSION, Example, example, sources, summary
from mnc.packages.papers import name_and_address, papers
from mnc.targets import cmsis_nn


def cmsis_pack(build: Build, sample: Sequence[Array], author: str = AUTHOR) -> Mapping[str, str]:
    """The pack's files; its component, `Machine Learning:Network:<name>`, needs CMSIS-NN where the code calls it."""
    name, shown = build.name, example(build, sample)
    vendor = re.sub(r"[^A-Za-z0-9_-]+", "-", name_and_address(author)[0]).strip("-") or AUTHOR
    use = "Add it with `cpackget add`, or in the pack installer, then select the component *Machine Learning: Network*."
    return {
        f"{vendor}.{name}.pdsc": _description(build, shown, vendor),
        **papers(build, shown, author, use),
        **sources(build),
        f"example/main.{shown.language}": shown.program(),
        f"example/{shown.sample_header}": shown.sample,
    }


def _description(build: Build, shown: Example, vendor: str) -> str:
    name = build.name
    needs, conditions = (_CONDITION, _CONDITIONS) if cmsis_nn.needed(build.files) else ("", "")
    files = [("header" if path.endswith(".h") else "source", path, "") for path in sources(build)]
    template = f' attr="template" select="{name}: a stored sample, compared with the trained network"'
    files += [
        ("header", f"example/{shown.sample_header}", template),
        ("sourceC" if shown.language == "c" else "sourceCpp", f"example/main.{shown.language}", template),
    ]
    listed = "\n".join(f'        <file category="{kind}" name="{path}"{more}/>' for kind, path, more in files)
    return f"""\
<?xml version="1.0" encoding="UTF-8"?>
<!-- SPDX-License-Identifier: {LICENCE} -->
<!-- {MARK.decode()} {mnc.__version__} -->
<package schemaVersion="1.7.28" xmlns:xs="http://www.w3.org/2001/XMLSchema-instance"
  xs:noNamespaceSchemaLocation="PACK.xsd">
  <vendor>{vendor}</vendor>
  <name>{name}</name>
  <description>{escape(f"The neural network {name}, as plain code: {summary(build)}")}</description>
  <url></url>
  <license>LICENSE</license>
  <releases>
    <release version="{VERSION}">As compiled.</release>
  </releases>
  <keywords>
    <keyword>neural network</keyword>
    <keyword>machine learning</keyword>
  </keywords>
{conditions}  <components>
    <component Cclass="Machine Learning" Cgroup="Network" Csub="{name}" Cversion="{VERSION}"{needs}>
      <description>{escape(summary(build))}</description>
      <files>
{listed}
      </files>
    </component>
  </components>
</package>
"""


_CONDITION = ' condition="CMSIS-NN"'
_CONDITIONS = """\
  <conditions>
    <condition id="CMSIS-NN">
      <description>The code calls Arm's library.</description>
      <require Cclass="CMSIS" Cgroup="NN Lib"/>
    </condition>
  </conditions>
"""
