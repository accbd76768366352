"""CMSIS-Packs: held against the rules of Open-CMSIS-Pack's schema that a description of ours touches.

The schema itself is not stored here; docs/packages.md says when a description was checked against it.
"""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from packed import BACKENDS, Tool, built, calling_cmsis_nn, command, package, said

from mnc.output import MARK, write_files
from mnc.packages import PACKAGES, archived, first_sample, marked

SEQUENCE = ["vendor", "name", "description", "url", "license", "releases", "keywords", "conditions", "components"]
"""Children of `package`: the first six have to be there, and this is how descriptions order them."""
CATEGORIES = {"header", "source", "sourceC", "sourceCpp"}
"""Of the schema's categories of files, those that a network has."""


def description(files: Mapping[str, str]) -> ET.Element:
    (path,) = (path for path in files if path.endswith(".pdsc"))
    root = ET.fromstring(files[path])
    assert path == f"{root.findtext('vendor')}.{root.findtext('name')}.pdsc"
    return root


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_description_keeps_the_schemas_rules(backend: str) -> None:
    files = package("cmsis-pack", backend)
    root = description(files)
    assert root.tag == "package"
    assert re.fullmatch(r"\d+\.\d+(\.\d+)?", root.attrib["schemaVersion"])
    children = [child.tag for child in root]
    assert children == [tag for tag in SEQUENCE if tag in children]
    assert set(SEQUENCE[:6]) <= set(children)
    assert re.fullmatch(r"[\-_A-Za-z0-9]+", root.findtext("vendor", ""))
    assert re.fullmatch(r"[\-_A-Za-z0-9]+", root.findtext("name", ""))
    assert root.findtext("license") in files
    versions = [release.attrib["version"] for release in root.iterfind("releases/release")]
    (component,) = root.iterfind("components/component")
    assert versions == [component.attrib["Cversion"]]
    assert {"Cclass", "Cgroup", "Csub", "Cversion"} == component.attrib.keys()
    assert [child.tag for child in component] == ["description", "files"]
    listed = {file.attrib["name"]: file.attrib for file in component.iterfind("files/file")}
    assert {each["category"] for each in listed.values()} <= CATEGORIES
    assert listed.keys() == {path for path in files if path.startswith(("src/", "example/"))}
    assert all(("select" in each) == (each.get("attr") == "template") for each in listed.values())


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_files_that_the_description_lists_build_and_agree(backend: str, tool: Tool, tmp_path: Path) -> None:
    """A project adds the folders of headers and compiles sources; templates are copied into it."""
    files = package("cmsis-pack", backend)
    write_files(files, tmp_path)
    listed = [file.attrib for file in description(files).iterfind("components/component/files/file")]
    sources = [each["name"] for each in listed if each["category"].startswith("source")]
    folders = sorted({f"-I{Path(each['name']).parent}" for each in listed if each["category"] == "header"})
    command(tmp_path, tool("gcc" if backend == "c" else "g++"), *folders, *sources, "-lm", "-o", "example.out")
    assert command(tmp_path, "./example.out") == said()


def test_the_pack_is_an_archive_of_all_files_called_as_the_specification_has_it() -> None:
    files = marked(package("cmsis-pack", "c"))
    both = archived("cmsis-pack", "Tiny", files)
    pack = both["mnc.Tiny.1.0.0.pack"]
    assert isinstance(pack, bytes)
    with zipfile.ZipFile(io.BytesIO(pack)) as archive:
        assert {name: archive.read(name).decode() for name in archive.namelist()} == files
        assert archive.comment == MARK, "so that it may be replaced"
    assert both == archived("cmsis-pack", "Tiny", files)


def test_a_vendor_is_the_author_in_signs_that_the_schema_allows() -> None:
    build = built("c")
    files = PACKAGES["cmsis-pack"](build, first_sample(build.graph), "Zoë & Sons <mail@example.org>")
    assert description(files).findtext("vendor") == "Zo-Sons"


def test_code_that_calls_cmsis_nn_requires_it() -> None:
    build = calling_cmsis_nn()
    root = description(PACKAGES["cmsis-pack"](build, first_sample(build.graph)))
    assert [child.tag for child in root] == SEQUENCE
    (component,) = root.iterfind("components/component")
    (condition,) = root.iterfind("conditions/condition")
    assert component.attrib["condition"] == condition.attrib["id"]
    assert [each.attrib for each in condition.iterfind("require")] == [{"Cclass": "CMSIS", "Cgroup": "NN Lib"}]
