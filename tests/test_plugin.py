"""Backends that others write: a real package installed beside mnc, and packages with every fault one can have."""

from __future__ import annotations

import json
import re
import shutil
import site
import subprocess
import sys
import venv
from pathlib import Path

import numpy as np
import pytest
from goldens import golden

import mnc
from mnc.backends import API_VERSION


class Installation:
    """A scratch environment that sees the packages of the tests' own, and those that are installed into it."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, with_pip=False)
        self.python = folder / "bin" / "python"
        (self.packages,) = folder.glob("lib/python*/site-packages")
        parents = "".join(f"import site; site.addsitedir({path!r})\n" for path in site.getsitepackages())
        (self.packages / "parents.pth").write_text(parents)

    def mnc(self, *arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        command = [str(self.python), "-m", "mnc", *map(str, arguments)]
        return subprocess.run(command, cwd=cwd, capture_output=True, text=True, encoding="utf-8", timeout=300)

    def install(self, project: Path) -> None:
        """Without the network: what the build needs is in the tests' own environment."""
        pip = [sys.executable, "-m", "pip", "--python", str(self.python), "install", "--quiet"]
        done = subprocess.run(
            [*pip, "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", str(project)],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr

    def add(self, distribution: str, name: str, module: str, attribute: str = "Backend", version: str = "0.3") -> None:
        """A distribution of one module with one entry point, as an installer would leave it."""
        slug = distribution.replace("-", "_")
        (self.packages / f"{slug}.py").write_text(module)
        info = self.packages / f"{slug}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[mnc.backends]\n{name} = {slug}:{attribute}\n")


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Installation:
    """An environment with the plugin of `tests/plugin`."""
    pytest.importorskip("setuptools", "70.1", reason="building a wheel offline needs setuptools 70.1")
    folder = tmp_path_factory.mktemp("plugin")
    shutil.copytree(root / "tests" / "plugin", folder / "project", ignore=shutil.ignore_patterns("__pycache__"))
    made = Installation(folder / "environment")
    made.install(folder / "project")
    return made


@pytest.fixture
def bare(tmp_path: Path) -> Installation:
    """An environment without plugins."""
    return Installation(tmp_path / "environment")


@pytest.fixture
def model(fixtures: Path) -> Path:
    return fixtures / "pico.keras3.h5"


def test_backends_are_listed_with_distribution_and_version(example: Installation) -> None:
    done = example.mnc("backends")
    assert done.returncode == 0, done.stderr
    rows = {line.split()[0]: line for line in done.stdout.partition("\n\n")[0].splitlines()}
    assert re.search(r"\bmnc-example 1\.2 +ANSI C without expf", rows["c-no-expf"])
    assert re.search(r"\bmnc-example 1\.2 +one module for MicroPython$", rows["micropython"])
    assert re.search(rf"\bmnc {mnc.backends.installed()['c'].distribution.split()[1]} +ANSI C", rows["c"])


def test_a_replaced_kernel_is_the_one_that_runs(example: Installation, model: Path, tmp_path: Path, cc: str) -> None:
    done = example.mnc("compile", model, "--backend", "c-no-expf", "--name", "pico", "-o", tmp_path)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "pico.c").read_text()
    assert text.count("MNC_KERNEL void mnc_softmax_f32(") == 1
    assert "mnc_exp_by_halves(x[i * stride] - largest)" in text
    code = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    assert not re.search(r"\b(MNC_EXPF|expf|math\.h)\b", code), "nothing of the C library is left"
    assert "#define MNC_EXP_DEGREE 7" in text
    done = example.mnc("verify", model, "--backend", "c-no-expf")
    assert done.returncode == 0, done.stderr
    assert "10 layers, 4 samples: the same as the reference" in done.stdout


def test_an_option_of_a_backend_reaches_it(example: Installation, model: Path, tmp_path: Path) -> None:
    compile_ = ("compile", model, "--backend", "c-no-expf", "--name", "pico", "-o", tmp_path)
    assert example.mnc(*compile_, "-X", "degree=4").returncode == 0
    assert "#define MNC_EXP_DEGREE 4" in (tmp_path / "pico.c").read_text()
    for word, error, hint in (
        ("degree=12", "-X degree: '12' is not a degree from 3 to 9", ""),
        ("degre=4", "backend 'c-no-expf': has no option 'degre'", "hint: its options: degree"),
    ):
        done = example.mnc(*compile_, "-X", word)
        assert done.returncode == 1
        assert done.stderr.splitlines() == [f"error: {error}", *([hint] if hint else [])]


def test_what_a_target_has_reaches_a_backend(example: Installation, model: Path, tmp_path: Path) -> None:
    for target, degree in (("cortex-m4", 7), ("cortex-m3", 5)):
        done = example.mnc("compile", model, "--backend", "c-no-expf", "--target", target, "-o", tmp_path)
        assert done.returncode == 0, done.stderr
        assert f"#define MNC_EXP_DEGREE {degree}" in (tmp_path / "pico_keras3.c").read_text()


def test_a_backend_of_another_language_computes_the_same(example: Installation, model: Path, tmp_path: Path) -> None:
    """Generated code runs alone: with no module but its own and Python's."""
    done = example.mnc("compile", model, "--backend", "micropython", "--name", "Pico", "-o", tmp_path, "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["files"] == ["Pico.py"]
    assert report["ram"]["optimal"]
    (x,), (want,) = golden(model)
    program = "import json, sys, Pico; net = Pico.Pico(); print([list(net.predict(x)) for x in json.load(sys.stdin)])"
    ran = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {program}"],
        input=json.dumps([sample.ravel().tolist() for sample in x[:2]]),
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    np.testing.assert_allclose(json.loads(ran.stdout), want[:2], atol=1e-5)


def test_a_backend_of_another_language_says_what_it_cannot_do(
    example: Installation, model: Path, fixtures: Path, tmp_path: Path
) -> None:
    done = example.mnc("check", fixtures / "resnet_small.k2.h5", "--backend", "micropython")
    assert done.returncode == 1
    assert "the micropython backend has no kernel for Add" in done.stderr
    done = example.mnc("verify", model, "--backend", "micropython")
    assert done.returncode == 1
    assert "is not C or C++, so no target can run it: pico.py" in done.stderr
    done = example.mnc("compile", model, "--backend", "micropython", "--package", "cmake", "-o", tmp_path)
    assert done.returncode == 1
    assert "is not C or C++, so it cannot be packed" in done.stderr


GOOD = f"""
from mnc.backends.c import C

class Backend(C):
    name = "abacus"
    api_version = {API_VERSION}
    description = "beads"
"""


def test_a_backend_of_a_few_lines_works(bare: Installation, model: Path, tmp_path: Path) -> None:
    bare.add("mnc-abacus", "abacus", GOOD)
    assert bare.mnc("compile", model, "--backend", "abacus", "-o", tmp_path).returncode == 0
    assert re.search(r"^abacus +mnc-abacus 0\.3 +beads$", bare.mnc("backends").stdout, re.MULTILINE)


@pytest.mark.parametrize(
    ("module", "fault"),
    [
        ("import no_such_module", "cannot be loaded: ModuleNotFoundError: No module named 'no_such_module'"),
        ("Other = 1", "cannot be loaded: AttributeError: module 'mnc_abacus' has no attribute 'Backend'"),
        ("def f(:", "cannot be loaded: SyntaxError: invalid syntax (mnc_abacus.py, line 1)"),
        ("class Backend:\n    def __init__(self, x): pass", "cannot be loaded: TypeError: "),
        (
            "Backend = 7",
            "is a int without a fitting name, description, api_version, options, configured, select, emit",
        ),
        (GOOD.replace('"beads"', "7"), "is a Backend without a fitting description"),
        (GOOD + "    emit = None\n", "is a Backend without a fitting emit"),
        (GOOD.replace('"abacus"', '"counter"'), "calls itself 'counter'"),
        (
            GOOD.replace(f"api_version = {API_VERSION}", "api_version = 0"),
            f"is written for version 0 of the backend interface, this mnc has version {API_VERSION}",
        ),
        (GOOD.replace(f"api_version = {API_VERSION}", ""), "does not state its own api_version"),
    ],
)
def test_what_is_wrong_with_a_plugin_names_its_distribution(
    module: str, fault: str, bare: Installation, model: Path, tmp_path: Path
) -> None:
    bare.add("mnc-abacus", "abacus", module)
    done = bare.mnc("compile", model, "--backend", "abacus", "-o", tmp_path / "out")
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: backend 'abacus' of mnc-abacus 0.3: {fault}"), done.stderr
    assert "\nhint: " in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_broken_plugin_harms_nobody_else(bare: Installation, model: Path, tmp_path: Path) -> None:
    bare.add("mnc-abacus", "abacus", "import no_such_module")
    assert bare.mnc("compile", model, "-o", tmp_path / "out").returncode == 0
    listed = bare.mnc("backends")
    assert listed.returncode == 0
    assert re.search(r"^abacus +mnc-abacus 0\.3 +cannot be loaded: ModuleNotFoundError", listed.stdout, re.MULTILINE)


def test_a_name_that_two_distributions_claim_is_refused_where_it_is_used(
    bare: Installation, model: Path, tmp_path: Path
) -> None:
    bare.add("mnc-abacus", "abacus", GOOD)
    bare.add("other-abacus", "abacus", GOOD, version="2.0")
    done = bare.mnc("compile", model, "--backend", "abacus", "-o", tmp_path / "out")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "error: backend 'abacus': comes from mnc-abacus 0.3 (mnc_abacus:Backend)"
        " and from other-abacus 2.0 (other_abacus:Backend)",
        "hint: uninstall all but one",
    ]


def test_nobody_takes_the_name_of_a_built_in_backend(bare: Installation, model: Path, tmp_path: Path) -> None:
    bare.add("mnc-abacus", "c", GOOD.replace('"abacus"', '"c"'))
    done = bare.mnc("compile", model, "-o", tmp_path / "out")
    assert done.returncode == 1
    assert re.match(
        r"error: backend 'c': comes from mnc \S+ \(mnc\.backends\.c:C\) and from mnc-abacus 0\.3", done.stderr
    )


@pytest.mark.parametrize(
    "method", ["select(self, graph)", "emit(self, program, name, *, trace=False)", "configured(self, *given)"]
)
def test_a_plugin_that_fails_at_work_is_named(method: str, bare: Installation, model: Path, tmp_path: Path) -> None:
    bare.add("mnc-abacus", "abacus", f"{GOOD}\n    def {method}:\n        raise IndexError('a bead is missing')\n")
    done = bare.mnc("compile", model, "--backend", "abacus", "-o", tmp_path / "out")
    assert done.returncode == 1
    assert done.stderr.startswith(
        "error: backend 'abacus': IndexError: a bead is missing\nhint: this is a fault of mnc-abacus 0.3"
    )
    assert not (tmp_path / "out").exists()


def test_a_kernel_with_other_parameters_is_refused(bare: Installation, model: Path) -> None:
    kernel = "MNC_KERNEL void mnc_softmax_f32(const float *in, float *out, int count)\\n{\\n    *out = *in;\\n}\\n"
    library = f'\n    @property\n    def library(self):\n        return super().library.replaced("{kernel}")\n'
    bare.add("mnc-abacus", "abacus", GOOD + library)
    done = bare.mnc("compile", model, "--backend", "abacus")
    assert done.returncode == 1
    assert done.stderr.startswith(
        "error: kernel 'mnc_softmax_f32': is called with (in, out, vectors, count, stride),"
        " its replacement takes (in, out, count)"
    )


def test_a_file_name_that_leads_outside_is_refused(bare: Installation, model: Path, tmp_path: Path) -> None:
    wrap = "\n    def wrap(self, *given, **options):\n        return {'../escaped.c': ''}\n"
    bare.add("mnc-abacus", "abacus", GOOD + wrap)
    done = bare.mnc("compile", model, "--backend", "abacus", "-o", tmp_path / "out" / "deep")
    assert done.returncode == 1
    assert "is no path inside the output directory" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("words", [["-X", "degree"], ["-X", "=7"], ["-X", "a=1", "-X", "a=2"]])
def test_a_setting_that_is_none_is_wrong_usage(
    words: list[str], model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from mnc.cli import run

    assert run(["compile", str(model), *words]) == 2
    assert "error: mnc compile: Invalid value for '-X'" in capsys.readouterr().err


def test_a_setting_that_a_backend_does_not_have(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from mnc.cli import run

    assert run(["compile", str(model), "-X", "degree=4"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "error: backend 'c': has no option 'degree'",
        "hint: its options: code, flash, profile, step, selftest, winograd, weights, top",
    ]


def plugin_page(root: Path) -> dict[str, str]:
    """The files that docs/plugins.md shows: a name in backquotes, then a block of code."""
    page = (root / "docs" / "plugins.md").read_text("utf-8")
    return dict(re.findall(r"^`([\w/.]+)`:\n\n```\w*\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))


def test_the_plugin_of_the_page_works_as_it_is_written(
    bare: Installation, root: Path, model: Path, tmp_path: Path, cc: str
) -> None:
    pytest.importorskip("setuptools", "70.1", reason="building a wheel offline needs setuptools 70.1")
    for name, text in plugin_page(root).items():
        file = tmp_path / "project" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    bare.install(tmp_path / "project")
    notice = ("--backend", "c-notice", "-X", "notice=hello */ there")
    done = bare.mnc("verify", model, *notice)
    assert done.returncode == 0, done.stderr
    done = bare.mnc("compile", model, *notice, "--name", "net", "-o", tmp_path)
    assert done.returncode == 0, done.stderr
    for written in ("net.h", "net.c"):
        assert (tmp_path / written).read_text().startswith("/* hello __ there */\n")
    assert "return activation == MNC_CLAMP && x > high ? high : x;" in (tmp_path / "net.c").read_text()
    done = bare.mnc("compile", model, "--backend", "c-notice", "-o", tmp_path)
    assert done.stderr.splitlines()[0] == "error: backend 'c-notice': needs a notice"
