# `make demo`  compiles a trained network to C, builds it and classifies real samples with it.
# `make test`  sets up all that the tests need and runs them.
# `make listen` finds a wake word in what espeak-ng says, or in WAV=recording.wav.
# `make bench` measures every model, backend and target and writes bench/results.md.
# `make reports` writes the report's page of well-known networks to build/reports, and the README's pictures of one.

PYTHON ?= python3
CC ?= cc
VENV := .venv
BIN := $(VENV)/bin
DEMO := build/demo
EXAMPLE := examples/digits
LISTEN := build/listen

# On a terminal pip shows how far it is, with rate and time left; elsewhere it is silent.
QUIET := $(shell test -t 2 || echo --quiet)

# Debian's names of the compilers, builders and emulators that the tests use, of the memory checker, and of a voice.
TOOLS := gcc g++ clang clang-22 tcc valgrind \
  gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm \
  gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf qemu-system-misc \
  gcc-xtensa-lx106 picolibc-xtensa-lx106-elf \
  gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user \
  gcc-avr avr-libc simavr arduino-builder arduino-core-avr \
  cmake chromium cppcheck espeak-ng

# Steps build on each other, and the tests share the machine themselves.
.NOTPARALLEL:
.PHONY: help demo listen test check bench reports tools clean

help:
	@sed -n 's/^# //p' $(firstword $(MAKEFILE_LIST)) | head -n 5

demo: $(VENV)/mnc
	@mkdir -p $(DEMO)
	$(BIN)/mnc compile $(EXAMPLE)/nano.h5 --output $(DEMO)
	$(CC) -O2 -I$(DEMO) -o $(DEMO)/digits $(EXAMPLE)/main.c $(DEMO)/nano.c -lm
	@$(DEMO)/digits

listen: $(VENV)/listen
	@$(if $(WAV),,command -v espeak-ng >/dev/null || \
	  { echo "no espeak-ng to speak the words: on Debian apt install espeak-ng, or give a recording as WAV="; exit 1; })
	@$(MAKE) --no-print-directory -f examples/wake_word/Makefile PYTHON=$(BIN)/python BUILD=$(LISTEN)

test: tools $(VENV)/dev check

# Hundreds of the tests' processes load the package: where the environment forbids it (as images of containers often do),
# Python would compile all of it anew in each.
check: export PYTHONDONTWRITEBYTECODE =
check:
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pytest -n 2 --durations=25

bench: tools $(VENV)/mnc
	$(BIN)/python bench/results.py

reports: tools $(VENV)/mnc
	$(BIN)/pip install $(QUIET) --editable '.[report]'
	$(BIN)/python bench/reports.py --screenshots docs/pictures

# A stamp in the environment says what has been installed into it.
$(VENV)/mnc: pyproject.toml | $(VENV)/ready
	$(BIN)/pip install $(QUIET) --editable .
	@touch $@

$(VENV)/listen: pyproject.toml | $(VENV)/ready
	$(BIN)/pip install $(QUIET) --editable '.[listen]'
	@touch $@ $(VENV)/mnc

$(VENV)/dev: pyproject.toml | $(VENV)/ready
	$(BIN)/pip install $(QUIET) --editable '.[dev]'
	@$(BIN)/pip install $(QUIET) --editable '.[oracle]' 2>/dev/null || \
	  echo "no tflite-micro for this machine: tests that compare with its interpreter will be skipped"
	@$(BIN)/pip install $(QUIET) --editable '.[listen]' 2>/dev/null || \
	  echo "no wake word or front end for this machine: tests that listen will be skipped"
	@$(BIN)/pip install $(QUIET) --editable '.[train]' || \
	  echo "Keras and JAX could not be installed: tests that train will be skipped"
	@$(BIN)/pip install $(QUIET) --editable '.[report]' || \
	  echo "Altair and vl-convert could not be installed: tests of the report's page will be skipped"
	@touch $@ $(VENV)/mnc

$(VENV)/ready:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "mnc needs Python 3.10 or newer; name one with: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "Python has no venv module here; on Debian: apt install python3-venv"; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	@touch $@

# Without apt, or without the right to use it, the tests that need a missing tool say so and are skipped.
tools:
	@command -v dpkg-query >/dev/null && command -v apt-get >/dev/null || { echo "no apt here: tests use what there is"; exit 0; }; \
	missing=; \
	for tool in python3-venv $(TOOLS); do \
	  dpkg-query --show --showformat='$${db:Status-Status}' $$tool 2>/dev/null | grep -qx installed || missing="$$missing $$tool"; \
	done; \
	test -n "$$missing" || exit 0; \
	if test "$$(id -u)" = 0; then root=; \
	elif sudo -n true 2>/dev/null; then root=sudo; \
	else echo "not allowed to install$$missing: tests that need them will be skipped"; exit 0; fi; \
	echo "installing$$missing"; \
	export DEBIAN_FRONTEND=noninteractive; \
	install="$$root apt-get install -y -qq --no-install-recommends"; \
	$$root apt-get update -qq; \
	$$install $$missing >/dev/null || for tool in $$missing; do \
	  $$install $$tool >/dev/null || echo "could not install $$tool: tests that need it will be skipped"; \
	done

clean:
	rm -rf build $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
