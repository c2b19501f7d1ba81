.DEFAULT_GOAL := help
SHELL := /bin/bash
export PYTHONPATH := tests
# What is compiled is kept: otherwise each of a dozen processes compiles all that it imports, which takes longer than most tests.
unexport PYTHONDONTWRITEBYTECODE
UV := $(shell command -v uv || echo .venv-uv/bin/uv)
RUN := $(UV) run --frozen
# The version for which everything is locked and checked; uv finds it or any newer one on the machine.
PYTHON ?= 3.11
KEEP ?= 0
WORKERS ?= 3
BUILDER ?= buildkit
# What the Dockerfile installs to make the operator's package, as pip wants it, each with its hashes out of uv.lock.
TOOLS_OF_THE_IMAGE := $(UV) export --quiet --frozen --only-group image --no-header --no-annotate --format requirements.txt
LOCKED := $(UV) export --quiet --frozen --no-emit-project

.PHONY: help
help: ## This list
	@awk -F':.*## ' '/^[a-z0-9-]+:[^;]*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(UV):
	python3 -m venv .venv-uv && .venv-uv/bin/pip install --quiet uv

.PHONY: setup
setup: $(UV) ## Install what development needs into .venv
	@$(UV) sync --frozen --quiet --python $(PYTHON)

# --- checks, fast ones first -------------------------------------------------------------------------------------------

.PHONY: check
check: setup ## Everything that needs no server (about 75 s of processor time: 38 s on two idle cores)
	@$(MAKE) --no-print-directory --output-sync=target --jobs lint types imports verify unit

.PHONY: lint
lint: ; @$(RUN) ruff check --quiet . && $(RUN) ruff format --check --quiet . && $(RUN) codespell --quiet-level 3 && $(RUN) zizmor --offline --quiet --no-progress --persona=pedantic .github

.PHONY: fmt
fmt: ## Format the code and mend what can be mended
	@$(RUN) ruff check --fix --quiet . ; $(RUN) ruff format --quiet .

.PHONY: types
types: ; @$(RUN) mypy --no-error-summary

.PHONY: imports
imports: ; @$(RUN) lint-imports --no-cache > /tmp/lint-imports.$$$$ 2>&1 || { cat /tmp/lint-imports.$$$$; rm -f /tmp/lint-imports.$$$$; exit 1; }; rm -f /tmp/lint-imports.$$$$; $(RUN) deptry operator --no-ansi 2>&1 | grep -v -e '^Success' -e '^Scanning' ; exit $${PIPESTATUS[0]}

.PHONY: generate
generate: setup ## Write what is generated: crds/, charts/, deploy/rbac/, deploy/install.yaml, pages of docs/, runbook.json, deploy/image/tools.txt
	@$(RUN) python -m brandrelease.codegen
	@$(RUN) python -m support.install_manifest
	@$(TOOLS_OF_THE_IMAGE) > deploy/image/tools.txt

.PHONY: verify
verify: ; @$(RUN) python -m brandrelease.codegen --check && $(UV) lock --quiet --check --offline

# --- tests -------------------------------------------------------------------------------------------------------------

.PHONY: unit
# The longest test comes first, so that the others do not wait for it at the end.
unit: ; @$(RUN) pytest -q -n 2 --dist worksteal tests/unit

# Tests of speed are left out: to be measured makes the code slow.
.PHONY: coverage
coverage: setup ## Unit and property tests: they run every branch of core/ (fails under 100 %)
	@$(RUN) pytest -q -n 2 --dist worksteal tests/property tests/fuzz tests/unit -k "not takes_less_than" --cov=brandrelease.core --cov-branch --cov-fail-under=100 --cov-report=term-missing:skip-covered

# For long, and other examples each time. SEED repeats a run (it is printed), EXAMPLES is how many for each property.
SEED ?= $(shell date +%s)
EXAMPLES ?= 2000
SECONDS_EACH ?= 60
.PHONY: fuzz atheris
fuzz: setup ## Hostile input for long: refs, logs, answers, objects, whole releases (EXAMPLES=2000 of each, SEED=... repeats)
	@echo "make fuzz SEED=$(SEED) EXAMPLES=$(EXAMPLES)"
	@FUZZ_EXAMPLES=$(EXAMPLES) $(RUN) pytest -q -n 2 tests/fuzz --timeout 0 --hypothesis-seed=$(SEED)

# In an environment of its own, for this only: nothing else needs it, and there are wheels for few machines.
atheris: setup ## Parsers under libFuzzer, which is led by what they run through (SECONDS_EACH=60)
	@$(RUN) --with 'atheris==3.0.0' python -m fuzz.parsers $(SECONDS_EACH) $(SEED)

.PHONY: adapters
adapters: programs ; $(RUN) pytest -q -n 2 tests/adapters

.PHONY: apiserver
apiserver: programs ; $(RUN) pytest -q -n 3 tests/apiserver

# Not part of `make test`: an API server takes minutes to compile, and the suite as long as it takes.
KUBERNETES ?= 1.34.4
WHAT ?= everything
.PHONY: compatibility
compatibility: debian ## tests/apiserver on the API server of another Kubernetes (KUBERNETES=1.34.4), and its line in docs/compatibility.md
	@$(RUN) python -m support.compatibility $(KUBERNETES) --what "$(WHAT)"

.PHONY: crash-matrix
crash-matrix: programs ## Kill the operator at every write of a release (CRASH_REPETITIONS=5: five times each)
	$(RUN) pytest -q -n 3 tests/apiserver/test_crash_matrix.py

.PHONY: e2e
e2e: programs ## The stories on a real cluster of their own; that they use every right of the operator and no other; what GitOps tools say
	@trap '$(RUN) python -m cluster down --name e2e' EXIT; export BRANDRELEASE_TEST_CLUSTER=e2e; \
	$(RUN) python -m cluster up --name e2e && $(RUN) pytest -q -n $(WORKERS) -m "not alone" tests/e2e && \
	$(RUN) pytest -q -n 0 -m alone tests/e2e && $(RUN) python -m support.permissions_audit --name e2e && \
	$(RUN) python -m support.gitops_audit --name e2e

.PHONY: debian programs
debian: setup
	@$(RUN) python -m cluster packages
programs: debian
	@$(RUN) python -m cluster toolchain && $(RUN) python -m support.opensearch

.PHONY: test
test: check coverage adapters apiserver e2e ## Everything: unit, property, adapters, API server, end-to-end on the real cluster

# --- what we ship ------------------------------------------------------------------------------------------------------

# The fragments of changelog.d are what users read of the next version.
.PHONY: changelog release-notes
changelog: setup ## What the next version's entry says; VERSION=1.2.3 writes it into CHANGELOG.md and takes the fragments away
	@$(RUN) towncrier build $(if $(VERSION),--yes --version $(VERSION),--draft --version "the next version")
release-notes: ; @awk -v head="## $(VERSION) (" 'index($$0, head) == 1 {found = 1; next} found && /^## / {exit} found; END {if (!found) {print "CHANGELOG.md has no entry of version $(VERSION): make changelog VERSION=$(VERSION)" > "/dev/stderr"; exit 1}}' CHANGELOG.md

.PHONY: sbom
sbom: ## dist/sbom.cdx.json: what the image has from PyPI, each with its hashes (CycloneDX)
	@mkdir -p dist && $(LOCKED) --no-default-groups --preview-features sbom-export --format cyclonedx1.5 --output-file dist/sbom.cdx.json
	@$(if $(VERSION),jq '.metadata.component.version = "$(VERSION)"' dist/sbom.cdx.json > dist/sbom.tmp && mv dist/sbom.tmp dist/sbom.cdx.json)

# Strict: what could not be looked up is a failure, and not a package without faults.
.PHONY: audit
audit: setup ## Ask PyPI for known vulnerabilities of everything that is locked (needs its JSON API)
	@$(LOCKED) --all-groups --no-annotate --format requirements.txt --output-file .venv/locked.txt > /dev/null && $(RUN) --group audit pip-audit --strict --require-hashes --disable-pip --progress-spinner=off -r .venv/locked.txt

# --- to look at --------------------------------------------------------------------------------------------------------

.PHONY: demo
demo: programs ## A real cluster, a good release, and a bad one that rolls back by itself (KEEP=1 leaves it up, BUILDER=codebuild builds as in AWS)
	@KEEP=$(KEEP) BUILDER=$(BUILDER) $(RUN) python -m demo

.PHONY: playground
playground: programs ## A cluster with a site, its repository and the operator, to try it out: docs/tutorial.md (until Ctrl-C)
	@$(RUN) python -m playground

OUT ?=
.PHONY: bench
bench: programs ## What the operator costs, beside kubectl, buildctl and polling in the same run (WHAT="overhead builds", OUT=folder, FLEET=40)
	@$(RUN) --group bench python -m bench $(filter-out everything,$(WHAT)) $(if $(OUT),--out $(OUT))

SECONDS ?= 1200
RELEASES ?= 2000
OBJECTS ?= 200
SEED ?=
.PHONY: soak
soak: programs ## 2,000 releases of 200 BrandReleases in 20 minutes with faults at random, on a real API server (SECONDS=, RELEASES=, OBJECTS=, SEED= repeats one)
	@$(RUN) python -m soak --seconds $(SECONDS) --releases $(RELEASES) --objects $(OBJECTS) $(if $(SEED),--seed $(SEED))

.PHONY: mutation
mutation: setup ## Break the core in one place at a time, and list every change that no test notices (takes more than an hour)
	@$(RUN) python -m mutation

.PHONY: up down
up: debian ## Start the cluster for development; says how to use it
	@$(RUN) python -m cluster up
down: setup ## End it
	@$(RUN) python -m cluster down
