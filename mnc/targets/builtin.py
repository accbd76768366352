"""The targets that come with mnc."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from mnc.targets.target import Board, Clock, Region, Target, Tool

K = 1024
M = 1024 * K

ARM_GCC = Tool("arm-none-eabi-gcc", "gcc-arm-none-eabi")
ARM_GXX = Tool("arm-none-eabi-g++", "gcc-arm-none-eabi")
QEMU_ARM = Tool("qemu-system-arm", "qemu-system-arm")
RISCV_GCC = Tool("riscv64-unknown-elf-gcc", "gcc-riscv64-unknown-elf and picolibc-riscv64-unknown-elf")
RISCV_GXX = Tool("riscv64-unknown-elf-g++", RISCV_GCC.package)
QEMU_RISCV = Tool("qemu-system-riscv32", "qemu-system-misc")
XTENSA_GCC = Tool("xtensa-lx106-elf-gcc", "gcc-xtensa-lx106 and picolibc-xtensa-lx106-elf")
XTENSA_GXX = Tool("xtensa-lx106-elf-g++", XTENSA_GCC.package)
CLANG = Tool("clang-22", "clang-22")
CLANGXX = Tool("clang++-22", CLANG.package)
QEMU_XTENSA = Tool("qemu-system-xtensa", "qemu-system-misc")

EMULATE = ("-nographic", "-monitor", "none", "-serial", "none", "-icount", "shift=0")
"""Whole-system emulation at one instruction per virtual nanosecond, so that timers count instructions."""

SEMIHOSTING = ("-semihosting-config", "enable=on,target=native")

BARE_METAL = ("-nostartfiles", "-Wl,--gc-sections", "-Wl,--no-warn-rwx-segments", "-T", "link.ld")
"""Our own start-up and memory."""

NEWLIB_STATE = "-Wl,-u,__errno"
"""The C library's state, which any use of errno brings, is in every image: it counts for no network."""

LX106_PICOLIBC = "/usr/lib/xtensa-lx106-elf/picolibc.specs"
"""Where Debian has the C library, which its compiler does not find by itself."""

LX106_FLAGS = (f"--specs={LX106_PICOLIBC}", "-mlongcalls", "-mtext-section-literals")

LX106_HEADERS = "/usr/lib/xtensa-lx106-elf/include"

ESP32_FEATURES = (
    *("bool", "clamps", "coprocessor", "density", "fp", "loop", "mac16"),
    *("minmax", "mul16", "mul32", "nsa", "sext"),
)
"""The features that an ESP32 shares with QEMU's `de233_fpu`, by LLVM's names; QEMU's has no high word of a product."""

CLANG_ESP32 = (
    *("--target=xtensa-esp-elf", "-isystem", LX106_HEADERS, "-fomit-frame-pointer"),
    # In LLVM 22's own object files some instructions load the wrong constant: literals follow the code of another
    # function, unaligned, and a distance inside a section is rounded from the start of a fragment of it.  Read from
    # assembly, literals have sections of their own, to which GNU's linker finds the distance.
    "-via-file-asm",
    # Its scheduler moves loads to the front and spills the sums of a block, as if the core had no end of registers.
    *("-mllvm", "-pre-RA-sched=source"),
    # Clang multiplies and adds at once only where it is told that no function may set errno.
    *("-fno-math-errno", "-DMNC_FMA=__builtin_fmaf"),
    # Clang does not know the core by its name.
    *(
        word
        for feature in ESP32_FEATURES
        for stage in ("-Xclang", "-Xclangas")
        for word in (stage, "-target-feature", stage, f"+{feature}")
    ),
)

REACH_OF_LPM = 63 * K
"""Bytes of constants that AVR's 16-bit addresses reach in flash, which begins with the vectors."""

HOST = Target(
    name="host",
    title="the machine that mnc runs on",
    compiler=Tool("cc", "gcc"),
    cpp=Tool("c++", "g++"),
    flags=(),
    features=frozenset({"fpu", "fpu64", "mul64", "vectors"}),
    board=Board(name="a process", support="host"),
    max_flash=2**31,
    max_ram=2**31,
)


def _cortex_m_board(machine: str, hertz: int, vectors: int, code: Region, ram: Region) -> Board:
    return Board(
        name=machine,
        support="cortex_m",
        emulator=QEMU_ARM,
        arguments=("-M", machine, *EMULATE, *SEMIHOSTING, "-kernel", "image"),
        link=(*BARE_METAL, NEWLIB_STATE),
        regions=(("VECTORS", Region(vectors, K)), ("CODE", code), ("RAM", ram)),
        stack=64 * K,
        clock=Clock(wrap=1 << 24, per_tick=Fraction(10**9, hertz), per_step=2, per_wrap=5),
    )


def _mps2(machine: str) -> Board:
    return _cortex_m_board(machine, 25_000_000, 0, Region(K, 4 * M - K), Region(0x2000_0000, 4 * M))


AN385 = _mps2("mps2-an385")
AN386 = _mps2("mps2-an386")
AN500 = _mps2("mps2-an500")
# The two with TrustZone start in the secure state and see memory through its secure alias.
AN505 = _cortex_m_board(
    "mps2-an505", 20_000_000, 0x1000_0000, Region(0x1000_0400, 4 * M - K), Region(0x3800_0000, 4 * M)
)
AN547 = _cortex_m_board("mps3-an547", 32_000_000, 0x1000_0000, Region(0x1100_0000, 2 * M), Region(0x7000_0000, 4 * M))


def _cortex_m(
    core: str,
    title: str,
    flags: tuple[str, ...],
    features: set[str],
    board: Board,
    max_flash: int,
    max_ram: int,
    compiled_as: str | None = None,
) -> Target:
    return Target(
        name=core,
        title=title,
        compiler=ARM_GCC,
        cpp=ARM_GXX,
        flags=(f"-mcpu={compiled_as or core}", "-mthumb", *flags),
        features=frozenset(features),
        board=board,
        max_flash=max_flash,
        max_ram=max_ram,
    )


def _xtensa_sim(core: str, *regions: tuple[str, Region]) -> Board:
    return Board(
        name="QEMU's sim",
        support="xtensa",
        sources=("board.c", "rom.c"),
        emulator=QEMU_XTENSA,
        arguments=("-M", "sim", "-cpu", core, "-m", "8M", *EMULATE, "-semihosting", "-kernel", "image"),
        link=BARE_METAL,
        regions=regions,
        stack=64 * K,
        clock=Clock(wrap=1 << 32, per_tick=Fraction(25), per_step=2),
    )


ESP32 = Target(
    name="esp32",
    title="Xtensa LX with FPU",
    compiler=CLANG,
    cpp=CLANGXX,
    flags=CLANG_ESP32,
    features=frozenset({"fpu", "mac16", "sixteen_floats"}),
    board=replace(
        _xtensa_sim(
            "de233_fpu",
            ("RESET", Region(0xFE00_0000, K)),
            ("RAM", Region(K, 4 * M - K)),
            ("ROM", Region(4 * M, 64 * K)),
            ("CODE", Region(4 * M + 64 * K, 4 * M - 64 * K)),
        ),
        compiler=XTENSA_GCC,
        flags=(*LX106_FLAGS, "-DBOARD_HAS_FPU"),
        link=(*BARE_METAL, "-Wl,--no-relax"),  # GNU's linker does not know this core's instructions
    ),
    max_flash=4 * M,
    max_ram=320 * K,
)

ESP32_S3 = replace(ESP32, name="esp32s3", title="ESP32-S3, by clang-22 as an ESP32", max_flash=16 * M, max_ram=384 * K)

ESP32_S3_BY_ESP_IDF = replace(
    ESP32_S3,
    title="ESP32-S3, by ESP-IDF's compiler",
    compiler=Tool("xtensa-esp32s3-elf-gcc"),
    cpp=Tool("xtensa-esp32s3-elf-g++"),
    flags=("-mlongcalls", "-mtext-section-literals"),
    board=replace(
        ESP32.board,
        name="no emulator",
        sources=("board.c",),
        emulator=None,
        stays="code of xtensa-esp32s3-elf-gcc is only linked: Debian's QEMU has no core with its instructions",
        compiler=None,
        flags=(),
        # The C library calls functions of ESP-IDF and of the chip's ROM, which are in no network's flash.
        link=("-nostartfiles", "-Wl,--gc-sections", "-Wl,--unresolved-symbols=ignore-all", "-T", "link.ld"),
    ),
)

TARGETS = (
    HOST,
    # ARMv6-M is a subset of ARMv7-M; QEMU's boards with a Cortex-M0 have 16 KiB of RAM, so a Cortex-M3 runs its code.
    _cortex_m("cortex-m0plus", "Cortex-M0+", ("-mfloat-abi=soft",), {"mul32", "thumb1"}, AN385, 256 * K, 64 * K),
    _cortex_m("cortex-m3", "Cortex-M3", ("-mfloat-abi=soft",), {"mul64", "saturate"}, AN385, M, 128 * K),
    _cortex_m(
        "cortex-m4",
        "Cortex-M4F",
        ("-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"),
        {"fpu", "dsp", "mul64", "saturate"},
        AN386,
        2 * M,
        640 * K,
    ),
    _cortex_m(
        "cortex-m7",
        "Cortex-M7 with double precision",
        ("-mfloat-abi=hard", "-mfpu=fpv5-d16"),
        {"fpu", "fpu64", "dsp", "mul64", "saturate"},
        AN500,
        2 * M,
        M,
    ),
    _cortex_m(
        "cortex-m33",
        "Cortex-M33 with DSP and FPU",
        ("-mfloat-abi=hard", "-mfpu=fpv5-sp-d16"),
        {"fpu", "dsp", "mul64", "saturate"},
        AN505,
        2 * M,
        768 * K,
    ),
    _cortex_m(
        "cortex-m55",
        "Cortex-M55 with Helium",
        ("-mfloat-abi=hard",),
        {"fpu", "fpu64", "dsp", "mve", "mul64", "saturate", "vectors"},
        AN547,
        4 * M,
        4 * M,
    ),
    # GCC has it from 13 on, QEMU not yet; it has all instructions of a Cortex-M55.
    _cortex_m(
        "cortex-m85",
        "Cortex-M85 with Helium, as a Cortex-M55",
        ("-mfloat-abi=hard",),
        {"fpu", "fpu64", "dsp", "mve", "mul64", "saturate", "vectors"},
        AN547,
        4 * M,
        4 * M,
        compiled_as="cortex-m55",
    ),
    Target(
        name="rv32imc",
        title="RISC-V, 32 bits, without FPU",
        compiler=RISCV_GCC,
        cpp=RISCV_GXX,
        flags=("--specs=picolibc.specs", "-march=rv32imc", "-mabi=ilp32"),
        features=frozenset({"mul64", "many_registers"}),
        board=Board(
            name="virt",
            support="riscv",
            emulator=QEMU_RISCV,
            arguments=("-M", "virt", *EMULATE, *SEMIHOSTING, "-bios", "none", "-device", "loader,file=image,cpu-num=0"),
            link=BARE_METAL,
            regions=(("RAM", Region(0x8000_0000, 4 * M)), ("CODE", Region(0x8040_0000, 4 * M))),
            stack=64 * K,
            clock=Clock(wrap=1 << 32, per_tick=Fraction(1)),
        ),
        max_flash=4 * M,
        max_ram=512 * K,
    ),
    Target(
        name="esp8266",
        title="Xtensa lx106, without FPU",
        compiler=XTENSA_GCC,
        cpp=XTENSA_GXX,
        flags=LX106_FLAGS,
        features=frozenset({"few_registers", "mul32"}),
        board=_xtensa_sim(
            "lx106",
            ("RESET", Region(0x5000_0000, K)),
            ("RAM", Region(0x6000_0000, 2 * M)),
            ("ROM", Region(0x6020_0000, 64 * K)),  # the C library's calls reach 512 KiB
            ("CODE", Region(0x6021_0000, 2 * M - 64 * K)),
        ),
        max_flash=M,
        max_ram=80 * K,
        optimise="-Os",
    ),
    ESP32,
    replace(ESP32_S3, instead=ESP32_S3_BY_ESP_IDF),
    Target(
        name="avr",
        title="AVR ATmega1284P",
        compiler=Tool("avr-gcc", "gcc-avr and avr-libc"),
        cpp=Tool("avr-g++", "gcc-avr and avr-libc"),
        flags=("-mmcu=atmega1284p",),
        features=frozenset({"few_registers"}),
        board=Board(
            name="ATmega1284P",
            support="avr",
            emulator=Tool("simavr", "simavr"),
            arguments=("-m", "atmega1284p", "-f", "16000000", "image"),
            link=("-Wl,--gc-sections",),
            clock=Clock(wrap=1 << 16, per_tick=Fraction(1), per_wrap=58, unit="cycles"),
            console=True,
        ),
        max_flash=128 * K,
        max_ram=16 * K,
        int_bits=16,
        constants_in_ram=True,
        max_constants=REACH_OF_LPM,
    ),
)
