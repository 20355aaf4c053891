# The front door: `make` lists the targets. The scripts behind them are in .ci/.

SCRIPTS = $(filter-out %.c %.swift,$(wildcard .ci/*))
SOURCES = Sources Tests Package.swift
UNIT_TESTS = ^(JSON|Signatures|Pusher|Telemetry|HTTPServer|HTTPClient)Tests\.

.PHONY: help run test test-unit test-tsan test-asan fuzz lint format build install bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

run: ## try the service: private database, sandbox, one dataset from beginning to end (ONCE=1: then stop)
	@ONCE="$(ONCE)" .ci/demo

test: ## all tests, against a private MariaDB
	@.ci/test

test-unit: ## the tests that need no database
	@.ci/setup
	swift test --disable-xctest --filter '$(UNIT_TESTS)'

test-tsan: ## all tests under ThreadSanitizer
	@.ci/test-tsan

test-asan: ## all tests under AddressSanitizer, leaks included
	@.ci/test-asan

fuzz: ## fuzz what takes bytes from outside (TARGETS="json query", SECONDS_EACH=120)
	@SECONDS_EACH="$(SECONDS_EACH)" .ci/fuzz $(TARGETS)

lint: ## check the format of the sources
	swift format lint --strict --recursive --parallel $(SOURCES)
	@! command -v shellcheck >/dev/null || shellcheck -x $(SCRIPTS)
	@! command -v promtool >/dev/null || promtool check rules fixtures/prometheus/alerts.yml

format: ## format the sources in place
	swift format format --in-place --recursive --parallel $(SOURCES)

build: ## build everything, for debugging
	@.ci/setup
	swift build

install: ## install the program and its systemd unit (PREFIX=/usr/local, DESTDIR=)
	@PREFIX="$(PREFIX)" DESTDIR="$(DESTDIR)" .ci/install

bench: ## measure, with a release build (FULL=1: with large tables too)
	@FULL="$(FULL)" .ci/bench

clean: ## stop the private databases, remove all that was built or stored
	@.ci/mariadb stop .local/run
	@.ci/mariadb stop .local/test
	@.ci/mariadb stop .local/bench
	rm -rf .build .local
