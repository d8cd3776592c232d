# SPDX-License-Identifier: Apache-2.0
#
#   make demo    sets everything up and routes packets through a P4 program
#   make test    sets everything up and runs every test
#   make setup   the set-up alone: packages, .venv, libubpf, Open vSwitch
#   make ovs     builds Open vSwitch and prints where it is
#   make lint    style and types: ruff, mypy, clang-format
#   make man     writes docs/man/, the man pages, from the commands
#   make fuzz    random programs against a reference interpreter, FUZZ_SECONDS=600 long
#   make bench   what programs and maps cost in the engine, in the switch and to compile; rewrites docs/performance.md
#   make clean   removes what was built in the checkout (not the build cache)

SHELL := /bin/bash
BIN := .venv/bin
FUZZ_SECONDS ?= 600

.PHONY: setup demo test fuzz lint ovs man bench clean

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
	@tools/test.sh lint

man:
	@tools/setup.sh packages python
	@$(BIN)/python tools/manpages.py

bench: setup
	@$(BIN)/python bench/instructions.py --write
	@$(BIN)/python bench/compile_time.py
	@$(BIN)/python bench/engine/engine.py --write
	@$(BIN)/python bench/maps/maps.py --write
	@$(BIN)/python bench/switch.py

test:
	@tools/setup.sh packages python release asan
	@tools/test.sh

fuzz:
	@tools/setup.sh packages python release
	@cd tests && ../$(BIN)/python -m reference.fuzz --seconds $(FUZZ_SECONDS) --keep ../.build/fuzz
	@cd tests && ../$(BIN)/python -m reference.mutate --seconds 60

clean:
	rm -rf .build .venv *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
