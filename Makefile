# make report   set up, then run the demo studies to HTML; the last line is the path of the page
# make test     set up, then run the tests           (make test TESTS=tests/study for a part of them)
# make lab      set up, then open the notebooks in JupyterLab
# make data     set up, then build the demo data     make lint   the checks that pre-commit and CI run
# make coverage set up, then print how often each confidence interval holds the truth on simulated data
# make lock     pin the dependencies of pyproject.toml again
# make clean    remove the environment and the caches; what was published in out/ stays
#
# Set-up lives in .venv and is done again only when requirements.lock changes. PYTHON=... chooses the interpreter.

TESTS ?= tests
# Four workers at most: each of them loads the whole library.
WORKERS ?= --numprocesses auto --maxprocesses 4 --dist loadfile

.PHONY: report test lab data lint coverage lock clean setup

report: data
	@.venv/bin/evidence run $(wildcard data/*/study.yml)

test: data
	@.venv/bin/python -m pytest $(WORKERS) $(TESTS)

lab: data
	@.venv/bin/jupyter lab --ServerApp.root_dir=notebooks

data: setup
	@sh tools/make_data.sh

setup:
	@PYTHON="$(PYTHON)" sh tools/setup.sh

lint: setup
	.venv/bin/python -m ruff format --check .
	.venv/bin/python -m ruff check .
	.venv/bin/python -m mypy

coverage: setup
	@.venv/bin/python -m benchmarks.coverage

lock:
	@command -v uv >/dev/null || { echo "make lock needs uv: pipx install uv, or pip install uv in an environment of its own" >&2; exit 1; }
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--extra lab --extra test --quiet --output-file requirements.lock pyproject.toml

clean:
	rm -rf .venv .venv.tmp .mypy_cache .pytest_cache .ruff_cache .hypothesis data/*/.made
