# The front door: `make` lists the targets. The scripts behind them are in Tests/Scripts/.

SOURCES = Sources Tests Package.swift
PAGES = $(wildcard Sources/Web/Page/*.js Sources/Web/OperatorPage/*.js)
SCRIPTS = .ci/run $(filter-out %.c %.swift %.py,$(wildcard Tests/Scripts/*))
UNIT_TESTS = ^(Time|Text|JSON|Signatures|Pusher|Telemetry|Datasets|Store|Lanes|Delivery|TVPython|Workflows|Web|Command|Fuzz)Tests\.|^MySQLTests\.(Splitter|MigrationStatement|PoolState)
# They hold threads, or count seconds: by themselves.
NETWORK_TESTS = ^(HTTPServer|HTTPClient)Tests\.

.PHONY: help run test check docs deb image check-deploy check-setup check-image check-deb check-proxies check-rights check-upgrade test-mysql test-servers \
	test-galera test-group test-unit test-console test-alerts test-tsan test-asan interop chaos fuzz fuzz-api fuzz-http \
	flood-http lint format build install bench soak clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' Makefile

run: ## try the service: private database, sandbox, one dataset from beginning to end (ONCE=1: then stop)
	@ONCE="$(ONCE)" Tests/Scripts/demo

test: ## all tests, against a private MariaDB
	@Tests/Scripts/test

test-mysql: ## all tests, against a private MySQL (downloads 100 MB once)
	@Tests/Scripts/test-mysql

test-servers: ## what servers' settings and others' tables do, on MariaDB 10.11 and 11.8 and MySQL (SERVERS="mariadb mariadb11 mysql")
	@SERVERS="$(SERVERS)" Tests/Scripts/test-servers

test-galera: ## two instances at two of three private Galera nodes: races, kills, no quorum
	@Tests/Scripts/test-cluster galera

test-group: ## the same at a private MySQL group (downloads 100 MB once)
	@Tests/Scripts/test-cluster group

test-unit: ## the tests that need no database
	@Tests/Scripts/setup
	swift test --disable-xctest --filter '$(UNIT_TESTS)'
	swift test --skip-build --disable-xctest --filter '$(NETWORK_TESTS)'

test-console: ## both pages in a headless Chromium; screenshots in .local/console
	@Tests/Scripts/test-console

test-alerts: ## fire each alert; set faults up and find them by page, command and alert (downloads 60 MB once; RULES_ONLY=1: no run)
	@RULES_ONLY="$(RULES_ONLY)" Tests/Scripts/test-alerts

test-tsan: ## all tests under ThreadSanitizer
	@Tests/Scripts/test-tsan

test-asan: ## all tests under AddressSanitizer, leaks included
	@Tests/Scripts/test-asan

check-upgrade: ## instances of an earlier version beside this one, and the way back (OLD=COMMIT)
	@OLD="$(OLD)" Tests/Scripts/check-upgrade

interop: ## clients that others wrote, against the service and the sandbox
	@Tests/Scripts/interop

chaos: ## the worst to real processes, a few minutes, with the account of it (FACTOR=3, SCHEDULES=300; SEED=17: that one alone)
	@FACTOR="$(FACTOR)" SCHEDULES="$(SCHEDULES)" SEED="$(SEED)" Tests/Scripts/chaos

fuzz: ## fuzz what takes bytes from outside (TARGETS="json query", SECONDS_EACH=120)
	@SECONDS_EACH="$(SECONDS_EACH)" Tests/Scripts/fuzz $(TARGETS)

fuzz-api: ## call the API with random input and check every answer against its description (CASES=300 an operation)
	@Tests/Scripts/fuzz-api

fuzz-http: ## framing faults against the service, also behind nginx (COUNT=100000, SEED=17)
	@COUNT="$(COUNT)" SEED="$(SEED)" Tests/Scripts/fuzz-http

flood-http: ## strangers that hold all they can: answer times of good webhooks and memory meanwhile
	@Tests/Scripts/flood-http

check: lint docs ## format, rooms, documents, alert rules, unit tests under ThreadSanitizer, all tests, a release program at work
	@Tests/Scripts/check-rooms
	swift build --build-tests --explicit-target-dependency-import-check error
	@Tests/Scripts/test-tsan --filter '$(UNIT_TESTS)'
	@Tests/Scripts/test-tsan --filter '$(NETWORK_TESTS)'
	@RULES_ONLY=1 Tests/Scripts/test-alerts
	@Tests/Scripts/test
	@ONCE=1 Tests/Scripts/demo

docs: ## build the documents into .local/docs, without a warning
	@mkdir -p .local/docs
	@for catalog in Integrator Signatures Pusher; do \
		docc convert Sources/$$catalog/*.docc --fallback-display-name $$catalog --fallback-bundle-identifier $$catalog \
			--warnings-as-errors --output-path .local/docs/$$catalog || exit 1; \
	done
	@echo "docs: in .local/docs"

lint: ## check the format of the sources
	swift format lint --strict --recursive --parallel $(SOURCES)
	@awk 'length > 120 { print FILENAME ":" FNR ": more than 120 columns"; bad = 1 } END { exit bad }' $(PAGES)
	@! command -v shellcheck >/dev/null || shellcheck -x $(SCRIPTS)
	@! command -v promtool >/dev/null || promtool check rules fixtures/prometheus/alerts.yml

format: ## format the sources in place
	swift format format --in-place --recursive --parallel $(SOURCES)

build: ## build everything, for debugging
	@Tests/Scripts/setup
	swift build

install: ## install the program and its systemd unit (PREFIX=/usr/local, DESTDIR=)
	@PREFIX="$(PREFIX)" DESTDIR="$(DESTDIR)" Tests/Scripts/install

deb: ## make the Debian package in .build/deb (VERSION=)
	@VERSION="$(VERSION)" Tests/Scripts/deb

image: ## make OCI images of the service and the sandbox in .build/image, without a daemon (as root)
	@VERSION="$(VERSION)" Tests/Scripts/image

check-deploy: ## set-up, package, image, proxies, rights: all of it, on bare systems (as root, half an hour)
	@Tests/Scripts/check-deploy

check-setup: ## the set-up on bare Debian 12 and 13 (as root; FULL=1: `make run` there too)
	@FULL="$(FULL)" Tests/Scripts/check-setup

check-image: ## run the image with a read-only root; check compose file and manifests (as root)
	@Tests/Scripts/check-image

check-deb: ## install, run, upgrade and remove the package on bare Debian 12 and 13 (as root)
	@Tests/Scripts/check-deb

check-proxies: ## nginx and Caddy before two instances that are restarted under load
	@Tests/Scripts/check-proxies

check-rights: ## run everything with the rights of fixtures/deploy/grants.sql alone
	@Tests/Scripts/check-rights

bench: ## measure, with a release build (FULL=1: with large tables too)
	@FULL="$(FULL)" Tests/Scripts/bench

soak: ## run for long, with faults on all sides (MINUTES=60, RATE=2000 webhooks/s): nothing lost, nothing grows
	@MINUTES="$(MINUTES)" RATE="$(RATE)" Tests/Scripts/soak

clean: ## stop the private databases, remove all that was built or stored
	@for folder in .local/*/; do [ ! -e "$$folder/server.pid" ] || Tests/Scripts/mariadb stop "$$folder"; done
	rm -rf .build .local
