# Entry points for people and for CI. `make help` lists them.
# Everything builds in the release profile, so that demo, tests and benches share one set of artifacts.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
# rustup's default place, for shells that did not read its profile.
export PATH := $(PATH):$(HOME)/.cargo/bin
BIN := $(or $(CARGO_TARGET_DIR),target)/release
# More arguments for the demo or the benches: make demo ARGS="--listen 127.0.0.1:9000"
ARGS ?=

.PHONY: help deps deps-build demo build test bench bench-accuracy bench-ingest bench-slow bench-reconnect bench-cost bench-toll fuzz sim faults mutants man openapi fmt clean-demo

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

deps: ## install what a build and the tests need (Debian, Ubuntu)
	@packaging/deps test

deps-build:
	@packaging/deps build

build: deps-build ## build the four programs
	cargo build --release --locked -p hostmeter-agent -p hostmeter-collector --bins

demo: build ## meter this machine: a collector, an agent and a page with graphs
	@exec $(BIN)/hostmeter demo $(ARGS)

test: deps ## everything that CI checks: format, lints, tests, browser, docs
	@packaging/run-tests

bench: ## measure the figures that the README states
	@packaging/deps bench
	@packaging/bench-peers victoria-metrics
	cargo build --release --locked --workspace --bins
	cargo run --release --locked -p hostmeter-benches -- $(ARGS)

bench-ingest: ## measure batches per second into the collector, beside VictoriaMetrics
	@packaging/deps build
	@packaging/bench-peers victoria-metrics
	cargo build --release --locked --workspace --bins
	cargo run --release --locked -p hostmeter-benches -- ingest $(ARGS)

bench-accuracy: ## measure whose CPU is credited to whom; root, takes minutes
	@packaging/deps bench
	@packaging/bench-peers prometheus-process-exporter
	cargo build --release --locked --workspace --bins
	cargo run --release --locked -p hostmeter-benches -- accuracy $(ARGS)

bench-slow: ## measure how long honest hosts wait beside 10,000 slow connections
	@packaging/deps build
	cargo build --release --locked --workspace --bins
	cargo run --release --locked -p hostmeter-benches -- slow $(ARGS)

bench-reconnect: ## measure 10,000 hosts that come back after an outage of a day
	@packaging/deps build
	cargo build --release --locked --workspace --bins
	cargo run --release --locked -p hostmeter-benches -- reconnect $(ARGS)

bench-cost: ## measure what a sample costs, beside other tools; root, takes minutes
	@packaging/deps bench
	@packaging/bench-peers prometheus-process-exporter atop sysstat=pidstat netdata-core=apps.plugin libuv1=libuv.so.1
	cargo build --release --locked --workspace --bins
	cargo run --release --locked -p hostmeter-benches -- cost $(ARGS)

bench-toll: ## measure what the eBPF programs cost those who are metered; root, takes minutes
	@packaging/deps test
	cargo build --release --locked --workspace --bins
	cargo run --release --locked -p hostmeter-benches -- toll $(ARGS)

vm: deps-build ## test real disk quotas and eBPF on a kernel of Debian, in qemu; takes minutes
	@packaging/vm/run $(ARGS)

# Seconds for each target, and how many kills and power cuts: make fuzz SECONDS=60, make faults N=1000
SECONDS ?= 60
SEEDS ?= 1000
START ?= 1
N ?= 1000

fuzz: deps-build ## fuzz every decoder, guided by coverage: SECONDS=60 for each target; ARGS="envelope" for one
	@packaging/fuzz $(SECONDS) $(ARGS)

sim: deps-build ## simulate agents and a collector: SEEDS=1000 seeds from START=1 on; ARGS=--lines prints what happens in the first
	cargo build --release --locked -p hostmeter-sim
	cargo run --release --locked -p hostmeter-sim -- --seeds $(SEEDS) --start $(START) $(ARGS)

faults: deps ## kill agent and collector and cut the power N times; root for the power cuts
	cargo build --release --locked --workspace --bins
	HOSTMETER_FAULTS=$(N) cargo test --release --locked -p hostmeter-agent --lib -- kills:: --nocapture
	HOSTMETER_FAULTS=$(N) cargo test --release --locked -p hostmeter-collector --lib -- kills:: --nocapture
	HOSTMETER_FAULTS=$(N) cargo test --release --locked -p hostmeter-tests --test faults -- power_cut --nocapture

mutants: deps ## break one promise after the other in a copy of the source: a test must go red; goes on where it stopped; ARGS="sync." for some, ARGS=--fresh for all anew; root
	cargo run --release --locked -p hostmeter-tests --example mutants -- $(ARGS)

man: deps-build ## write packaging/man and packaging/completions from the command definitions
	cargo run --release --locked -p hostmeter-tests --example gen_man

openapi: deps-build ## accept the present OpenAPI document as the golden file
	INSTA_UPDATE=always UPDATE_OPENAPI=1 cargo test --release --locked -p hostmeter-collector openapi

fmt: ## format the Rust code
	cargo fmt --all

clean-demo: ## remove the demo's data directory (.demo)
	rm -rf .demo
