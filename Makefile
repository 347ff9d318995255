# Bough's entry points. Each is one script of scripts/, which says at its top what it does and why;
# ARGS is handed on. `make` alone lists them.

.DEFAULT_GOAL := help
.PHONY: help run test clients screenshots test-schemas torture lint bench bench-scale fuzz fuzz-api race advisories setup

help: ## lists these
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/make \1|\2/p' Makefile | while IFS='|' read -r name what; do printf '  %-18s %s\n' "$$name" "$$what"; done

run: ## installs what is missing, builds Bough and serves it from ./bough-data
	@scripts/run.sh $(ARGS)

test: ## installs what the tests need, lints, and runs every test
	@scripts/test.sh $(ARGS)

screenshots: ## a picture of every page in both themes and four widths, in target/screenshots
	@scripts/screenshots.sh $(ARGS)

clients: ## installs drivers of several languages and tries them through the gateway (needs the network)
	@scripts/clients.sh $(ARGS)

test-schemas: ## branches the schemas of some twenty well-known applications (needs the network)
	@scripts/test-schemas.sh $(ARGS)

torture: ## random operations while processes die, for as long as told: ARGS='--minutes 10 --seed 7'
	@scripts/torture.sh $(ARGS)

lint: ## format, clippy, licences, unused dependencies and the house rules
	@scripts/lint.sh

bench: ## measures Bough against what runs beside it, and prints the ratios
	@scripts/bench.sh $(ARGS)

bench-scale: ## 10,000 databases, 100,000 branches and 1 M tokens against a hundredth; 200 branches that sleep
	@scripts/bench.sh P14 sleep

fuzz: ## coverage-guided fuzzing of every parser of foreign bytes, a minute each: ARGS='--seconds 600 answer'
	@scripts/fuzz.sh $(ARGS)

fuzz-api: ## sends 100,000 requests made up from the API's own description, and checks every answer
	@scripts/fuzz_api.sh $(ARGS)

race: ## revokes 100,000 times, in every way there is, while the token is used
	@scripts/race.sh $(ARGS)

advisories: ## looks for known vulnerabilities of what Bough is built from (needs the network)
	@scripts/advisories.sh

setup: ## only installs what running and testing need
	@scripts/setup.sh test
