# SPDX-License-Identifier: Apache-2.0
#
# The front door. CMake does the work (CMakePresets.json); this names what people do every day.
# `make` alone lists the targets.

PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60
BENCH ?=
JOBS := $(shell nproc)

.PHONY: help demo test test-cluster test-long test-python build \
    install wheel bench fuzz coverage format tidy clean
.DEFAULT_GOAL := help

help:
	@echo 'make demo        train a population on Fashion-MNIST (1 to 2 minutes)'
	@echo 'make test        check, build and test everything; ends with "N passed, N failed"'
	@echo 'make build       build/release/pbt'
	@echo 'make install     install it; PREFIX=$(PREFIX), any folder you may write'
	@echo 'make wheel       dist/pbtrain-*.whl: the Python package with a static command'
	@echo 'make bench       benchmarks; BENCH="words" chooses by name'
	@echo 'make format      lay out all C files with clang-format'
	@echo 'make tidy        the checks of scripts/tidy alone (seconds)'
	@echo 'make clean       remove build/'
	@echo 'Longer checks:'
	@echo 'make test-cluster  studies under Slurm and mpirun (2 minutes)'
	@echo 'make test-python  the Python adapters with the real packages (from PyPI, into build/)'
	@echo 'make test-long   as test, with many more simulated studies and real kills (hours)'
	@echo 'make fuzz        each fuzz target for FUZZ_SECONDS=$(FUZZ_SECONDS)'
	@echo 'make coverage    which lines the tests run'
	@echo 'All of them install the Debian packages they need (scripts/setup).'

demo: build
	@scripts/demo

test:
	@scripts/setup test
	@scripts/test

test-cluster:
	@scripts/setup cluster
	@scripts/test cluster

test-long:
	@scripts/setup test
	@scripts/test --long

test-python: build
	@scripts/test_python

build:
	@scripts/setup build
	@cmake --preset release --log-level=WARNING
	@cmake --build --preset release -j $(JOBS)

install: build
	@cmake --install build/release --prefix '$(PREFIX)'

wheel:
	@scripts/setup wheel
	@scripts/wheel

bench: build
	@scripts/bench $(BENCH)

fuzz:
	@scripts/setup fuzz
	@cmake --preset fuzz --log-level=WARNING
	@cmake --build --preset fuzz -j $(JOBS)
	@scripts/fuzz $(FUZZ_SECONDS)

coverage:
	@scripts/setup coverage
	@scripts/test coverage
	@scripts/coverage

format:
	@scripts/setup test
	@scripts/tidy --format

tidy:
	@scripts/setup test
	@scripts/tidy

clean:
	@rm -rf build
