# SPDX-License-Identifier: Apache-2.0
#
#   make demo    sets everything up and routes packets through a P4 program
#   make test    sets everything up and runs every test
#   make setup   the set-up alone: packages, .venv, libubpf, Open vSwitch
#   make ovs     builds Open vSwitch and prints where it is
#   make lint    style and types: ruff, mypy, clang-format
#   make clean   removes what was built in the checkout (not the build cache)

SHELL := /bin/bash
BIN := .venv/bin
C_FILES = $(shell git ls-files 'ubpf/*.c' 'ubpf/*.h')

.PHONY: setup demo test lint ovs clean unit-test engine-test switch-test e2e-test

setup:
	@tools/setup.sh packages python release
	@echo "setup: done"

ovs:
	@tools/setup.sh packages release
	@ovs-patches/build.sh --flavour release --print

demo: setup
	@$(BIN)/python examples/router/demo.py

lint:
	@tools/setup.sh packages python
	$(BIN)/ruff check p4rt ubpf/python tests examples
	$(BIN)/mypy
	@$(if $(strip $(C_FILES)),clang-format-19 --dry-run -Werror $(C_FILES))

test:
	@tools/setup.sh packages python release asan
	@tools/test.sh

clean:
	rm -rf .build .venv *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
