"""Names that headers have taken are refused or changed: the compilers of this machine say which those are."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from generated_c import STRICT, Tool, checked_run, write
from networks import chain

import mnc
from mnc.backends.names import check_name, name_from
from mnc.backends.taken import HEADERS, KEYWORDS
from mnc.errors import CompileError
from mnc.ir.graph import Graph
from mnc.ir.layers import Dense
from mnc.ir.types import Constant

C = """
    assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign stdarg stdatomic
    stdbool stddef stdint stdio stdlib stdnoreturn string tgmath threads time uchar wchar wctype
"""
POSIX = """
    aio cpio dirent dlfcn endian fcntl fmtmsg fnmatch ftw glob grp iconv langinfo libgen libintl monetary mqueue
    net/if netdb netinet/in netinet/tcp nl_types poll pthread pwd regex sched search semaphore spawn strings stropts
    sys/ipc sys/mman sys/msg sys/select sys/sem sys/socket sys/stat sys/time sys/types sys/uio sys/un sys/wait syslog
    tar termios ulimit unistd utime utmpx wordexp
"""
ARDUINO = Path("/usr/share/arduino/hardware/arduino/avr")
COMPILERS = {
    "glibc": (("g++", "-std=c++11"), C),
    "newlib": (("arm-none-eabi-g++", "-std=gnu++11", "-mcpu=cortex-m4"), C),
    "avr": (("avr-g++", "-std=gnu++11", "-mmcu=atmega328p"), C),
    "arduino": (
        *(("avr-g++", "-std=gnu++11", "-mmcu=atmega328p", "-DF_CPU=16000000L", "-DARDUINO=10819"),),
        "Arduino",
    ),
}
"""Compilers, and the headers that a program may include beside a network's."""


def one_weight() -> Graph:
    return chain((1,), y=Dense(Constant(np.ones((1, 1), np.float32))))


def is_taken(name: str) -> bool:
    try:
        return check_name(name) != name
    except CompileError:
        return True


def run(command: Sequence[str], text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*command, "-x", "c++", "-"], input=text, capture_output=True, text=True, check=False)


def included(compiler: Sequence[str], headers: str) -> str:
    """The #include lines of those headers that the compiler has and takes."""

    def compiles(lines: str) -> bool:
        return run([*compiler, "-fsyntax-only"], lines).returncode == 0

    lines = [f"#include <{name}.h>\n" for name in headers.split()]
    return "".join(lines) if compiles("".join(lines)) else "".join(line for line in lines if compiles(line))


def clashing(compiler: Sequence[str], head: str) -> set[str]:
    """The words behind those #include lines of which no class can be made, macros among them."""
    text = run([*compiler, "-E", "-dD"], head).stdout
    words = sorted({word for word in re.findall(r"\b[A-Za-z]\w*", text) if "__" not in word})
    tries = [
        f"#ifdef {word}\n#error\n#else\nclass {word} {{}}; static {word} v{i};\n#endif\n"
        for i, word in enumerate(words)
    ]
    said = run([*compiler, "-fsyntax-only", "-fmax-errors=0", "-w"], f'{head}#line 1 "try"\n{"".join(tries)}').stderr
    return {words[(int(line) - 1) // 5] for line in re.findall(r"^try:(\d+):\d+: error", said, re.MULTILINE)}


@pytest.mark.parametrize("library", COMPILERS)
def test_what_headers_declare_is_no_network_s_name(library: str, tool: Tool) -> None:
    """Nor makes one by an ending of generated names; what is in capitals is refused for C++ and fine for C."""
    (program, *flags), names = COMPILERS[library]
    compiler = [tool(program), *flags]
    if library == "arduino":
        if not ARDUINO.is_dir():
            pytest.skip("the Arduino core for AVR is not installed (Debian: arduino-core-avr)")
        compiler += [f"-I{ARDUINO}/cores/arduino", f"-I{ARDUINO}/variants/standard"]
    head = included(compiler, names)
    found = clashing(compiler, head)
    assert len(found) > 300
    words = {word for word in found if not word.isupper() and len(word) < 60}
    made = {word.removesuffix(end) for word in found for end in ("_t", "_init", "_run") if word.endswith(end)}
    missing = sorted(word for word in words | made if not word.isupper() and not is_taken(word))
    assert missing == [], "to be added to mnc/backends/taken.py"
    assert [word for word in sorted(found) if name_from(word) in found] == []


@pytest.mark.parametrize("library", ["glibc", "newlib", "avr"])
def test_no_header_that_another_includes_is_hidden(library: str, tool: Tool) -> None:
    """Headers that lie directly in a folder: another file of such a name that is found first breaks the others."""
    (program, *flags), names = COMPILERS[library]
    compiler = [tool(program), *flags]
    head = included(compiler, names + (POSIX if library == "glibc" else ""))
    rules = run([*compiler, "-M"], head).stdout.replace("\\\n", " ")
    folders = re.findall(r"^ (/\S+)$", run([*compiler, "-v", "-fsyntax-only"], "").stderr, re.MULTILINE)
    known = {Path(folder).resolve() for folder in folders}
    opened = {Path(word).resolve() for word in rules.split() if word.endswith(".h")}
    stems = {path.stem for path in opened if path.parent in known and re.fullmatch(r"\w+", path.stem)}
    assert len(stems) > 10
    assert sorted(stem for stem in stems if stem[0].isalpha() and not is_taken(stem)) == []


@pytest.mark.parametrize("program", ["gcc", "clang", "arm-none-eabi-gcc", "avr-gcc", "riscv64-unknown-elf-gcc"])
def test_what_compilers_define_is_no_network_s_name(program: str, tool: Tool) -> None:
    defined = run([tool(program), "-E", "-dM"], "").stdout
    words = [word for word in re.findall(r"#define ([A-Za-z]\w*)", defined) if not word.isupper()]
    assert [word for word in words if not is_taken(word) or is_taken(name_from(word))] == []


def test_a_refusal_shows_the_name_as_it_was_given() -> None:
    with pytest.raises(CompileError, match=re.escape(repr("../ünet"))):
        check_name("../ünet")


@pytest.mark.parametrize("change", [str, str.upper, str.title])
def test_a_header_s_name_is_refused_in_any_case_or_changed(change: Callable[[str], str]) -> None:
    for header in map(change, sorted(HEADERS | KEYWORDS)):
        assert is_taken(header) or header not in KEYWORDS, header
        name = name_from(header)
        assert check_name(name) == name
        assert name.lower() not in HEADERS


def test_the_refusal_says_whose_name_it_is() -> None:
    with pytest.raises(
        CompileError, match=r"'Signal' is taken: .*Signal\.h hides a header of C.*\nhint: try Signal_net"
    ):
        mnc.compile(one_weight(), name="Signal")
    with pytest.raises(
        CompileError, match="'mode' is taken: headers of C or Arduino declare mode_t\nhint: try mode_net"
    ):
        mnc.compile(one_weight(), name="mode")


WORDS = ("EOF", "INT_MAX", "NULL", "KWS", "sinf", "index", "u8", "int8", "std", "setup", "delay", "class", "and")


def test_networks_named_for_files_that_are_called_like_headers_build(gcc: str, gxx: str, tmp_path: Path) -> None:
    """All of them beside all headers of C, in one file each of C and C++; the code of some."""
    includes = "".join(f"#include <{name}.h>\n" for name in C.split() if name not in ("stdatomic", "tgmath"))
    names = [name_from(word) for word in (*sorted(HEADERS)[::2], *WORDS)]
    assert len({name.lower() for name in names}) == len(names)
    for name in names:
        write(mnc.compile(one_weight(), backend="cpp", name=name).files, tmp_path / "cpp")
        write(mnc.compile(one_weight(), name=name).files, tmp_path / "c")
    heads = "".join(f'#include "{name}.h"\n' for name in names) + includes
    classes = "".join(f"static {name} net{i};\n" for i, name in enumerate(names))
    uses = "".join(f"+ net{i}.output " for i in range(len(names)))
    write({"main.cpp": f"{heads}{classes}int main() {{ return 0 {uses}; }}\n"}, tmp_path / "cpp")
    write({"main.c": f"{heads}int main(void) {{ return 0; }}\n"}, tmp_path / "c")
    checked_run([gxx, "-std=c++11", "-I.", "-fsyntax-only", "main.cpp"], tmp_path / "cpp")
    checked_run([gcc, "-std=gnu11", "-I.", "-fsyntax-only", "main.c"], tmp_path / "c")
    checked_run([gcc, *STRICT, "-I.", "-fsyntax-only", *(f"{name}.c" for name in names[::9])], tmp_path / "c")
