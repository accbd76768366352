"""Rules that the project keeps as a whole."""

from __future__ import annotations

import ast
import graphlib
import importlib.metadata
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted((ROOT / "mnc").rglob("*.py"))
GENERATED = {
    ".git",
    ".venv",
    "build",
    "dist",
    "__pycache__",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".hypothesis",
}


def texts() -> Iterator[tuple[Path, str]]:
    """Every text file of the project."""
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in GENERATED and not name.endswith(".egg-info")]
        for name in files:
            if name in GENERATED:  # in a worktree, .git is a file
                continue
            path = Path(folder) / name
            content = path.read_bytes()
            if b"\0" not in content:
                yield path, content.decode("utf-8")


def calls(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything that is called by name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            yield node.lineno, ast.unparse(node.func)


def imports(tree: ast.AST) -> Iterator[str]:
    """The first part of everything that is imported, wherever it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0]


def test_no_file_knows_where_it_was_written() -> None:
    places = re.compile("|".join(("/wor" + "k/", "/roo" + "t/", r"/home/\w", "/tm" + "p/", r"[A-Z]:\\Users")))
    found = [
        f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 1}: {match[0]}"
        for path, text in texts()
        for match in places.finditer(text)
    ]
    assert found == []


def test_modules_are_short_and_named_for_what_they_do() -> None:
    long = {
        str(path.relative_to(ROOT)): lines for path in MODULES if (lines := path.read_text("utf-8").count("\n")) > 420
    }
    assert long == {}
    assert not {path.stem for path in MODULES} & {"utils", "util", "helpers", "helper", "common", "misc"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_keeps_to_its_room(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    called = {name: line for line, name in calls(tree)}
    forbidden = {"eval", "exec", "os.system", "breakpoint", "input"}
    if path != ROOT / "mnc" / "cli.py" and ROOT / "mnc" / "commands" not in path.parents:
        forbidden |= {"print", "sys.exit", "exit", "quit", "click.echo", "sys.stdout.write", "sys.stderr.write"}
    assert not forbidden & called.keys(), {name: called[name] for name in forbidden & called.keys()}
    assert not {"pickle", "marshal", "shelve", "dill"} & set(imports(tree))


def modules() -> dict[str, Path]:
    """Every module of mnc by its dotted name."""
    names = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in MODULES}
    return {name.removesuffix(".__init__"): path for name, path in names.items()}


def executed(tree: ast.AST) -> Iterator[ast.AST]:
    """Everything below a node but what stands under `if TYPE_CHECKING`."""
    for node in ast.iter_child_nodes(tree):
        typing_only = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        if not typing_only:
            yield node
            yield from executed(node)


def arrows() -> dict[str, set[str]]:
    """Which modules of mnc each imports, as it is loaded or within a function."""
    known = modules()
    found: dict[str, set[str]] = {name: set() for name in known}
    for name, path in known.items():
        for node in executed(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found[name] |= {alias.name for alias in node.names} & known.keys()
            elif isinstance(node, ast.ImportFrom) and node.module in known:
                imported = [f"{node.module}.{alias.name}" for alias in node.names]
                found[name] |= {each if each in known else node.module for each in imported}
    return found


UPWARD = {
    ("mnc.ir.graph", "mnc.reference"),
    ("mnc.shown", "mnc.notebook"),
    ("mnc.compiler", "mnc.verify"),
    ("mnc.compiler", "mnc.bench"),
}
"""The arrows that run up: `Graph.predict`, values in a notebook, `Build.verify` and `Build.bench`."""


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = arrows()
    for module, other in UPWARD:
        graph[module].remove(other)
    assert list(graphlib.TopologicalSorter(graph).static_order())


def test_a_room_imports_only_rooms_below_it() -> None:
    """The order is that of the table of rooms in docs/architecture.md."""
    table = re.findall(r"^\| (`mnc/.*?) \|", (ROOT / "docs" / "architecture.md").read_text("utf-8"), re.MULTILINE)
    floors = [name for row in table for name in re.findall(r"`mnc/([a-z_]+)(?:/|\.py)`", row)]
    room = {name: (*name.split("."), "__init__")[1] for name in modules()}
    assert sorted(floors) == sorted(set(room.values()))
    upward = {
        (module, other)
        for module, others in arrows().items()
        for other in others
        if floors.index(room[other]) < floors.index(room[module])
    }
    assert upward == UPWARD


def test_only_declared_packages_are_imported() -> None:
    requirements = importlib.metadata.requires("mnc") or []
    declared = {re.split(r"[<>=!~ ;]", each)[0] for each in requirements if "extra ==" not in each}
    allowed = declared | {"mnc"} | sys.stdlib_module_names
    own = {ROOT / "mnc" / "zoo", ROOT / "mnc" / "page"}  # rooms with an extra of their own, which say what they need
    strangers = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in MODULES
        if not own & set(path.parents)
        for name in imports(ast.parse(path.read_text("utf-8")))
        if name not in allowed
    }
    assert strangers == set()


def test_links_in_the_documents_lead_somewhere() -> None:
    broken = [
        f"{path.relative_to(ROOT)}: {target}"
        for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text("utf-8"))
        if not re.match(r"https?:", target) and not (path.parent / target).exists()
    ]
    assert broken == []


def test_commands_in_the_readme_exist() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert {"demo", "test"} <= set(re.findall(r"\bmake ([a-z]+)", readme)) <= targets
    from mnc.cli import commands

    assert "compile" in set(re.findall(r"\bmnc ([a-z]+) [A-Za-z/]+\.h5", readme)) <= commands.commands.keys()


def test_the_readme_begins_with_how_to_install() -> None:
    """From a checkout: no package index has mnc, so no hint may name an extra of mnc by mnc's name."""
    first = (ROOT / "README.md").read_text("utf-8").split("\n\n")[1]
    (extras,) = re.findall(r"`pip install '\.\[([a-z,]+)\]'`", first)
    provided = importlib.metadata.metadata("mnc").get_all("Provides-Extra") or []
    assert set(extras.split(",")) == {"images", "train"} <= set(provided)
    wrong = re.compile(r"mn" + r"c\[[a-z]")
    assert [str(path.relative_to(ROOT)) for path, text in texts() if wrong.search(text)] == []


def test_a_missing_package_is_named_as_its_extra_states_it() -> None:
    from mnc.extras import install, requirements

    assert [re.split(r"[<>=]", each)[0] for each in requirements("train")] == ["jax", "keras", "pillow", "scikit-learn"]
    assert re.fullmatch(r"install it with: pip install 'pillow>=[\d.]+'", install("images"))


def test_the_changelog_begins_with_this_version() -> None:
    first = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert first is not None
    assert first[1] == importlib.metadata.version("mnc")


def test_continuous_integration_runs_the_tests() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    lines = script.read_text("utf-8").splitlines()
    assert lines[-1] == "make test"
    assert "export MNC_REQUIRE=all" in lines


def test_the_wheel_has_all_that_is_not_python_too(tmp_path: Path) -> None:
    """Built from a copy: setuptools writes beside what it builds."""
    setuptools = pytest.importorskip("setuptools", "70.1", reason="building a wheel offline needs setuptools 70.1")
    assert setuptools
    listed = [path for path, _ in texts() if (ROOT / "mnc") in path.parents]
    grammar = [ROOT / "grammar" / "__init__.py", ROOT / "grammar" / "mnc.lark"]
    for path in [*listed, *grammar, *(ROOT / name for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"))]:
        copy = tmp_path / "source" / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run(
        [*build, "--wheel-dir", tmp_path, tmp_path / "source"], check=True, capture_output=True, cwd=tmp_path
    )
    (wheel,) = tmp_path.glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    wanted = {str(path.relative_to(ROOT)) for path in listed} | {"mnc/grammar/__init__.py", "mnc/grammar/mnc.lark"}
    assert wanted - packed == set()
