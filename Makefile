# The commands of the project. Needed: Linux, python3 (3.11 to 3.13, with venv), make.
#
#   make figures     builds .venv if need be, then runs the workflow (the default goal)
#   make audit       the same figures with our controls beside them, into results/audit/
#   make test        every fast test      make test-long   the ones that take minutes
#   make bench       times the engine against the deeplift package and plain sgemm
#   make recipes     trains every network with several seeds and roundings (hours), and measures
#   make times       where the time of finished runs goes, by rule: RUNS='old=results/a results/b'
#   make lint        ruff, snakefmt, snakemake --lint, mypy --strict over dfim and flow
#   make wings       draws docs/wings.svg from the imports
#   make lock        resolves pyproject.toml again into envs/ (needs the network)
#   make clean       removes results/ and what Snakemake remembers of it; keeps .venv
#
# Settings, given after the goal:  make figures CONFIGFILE=my.yaml CORES=4
#   CONFIGFILE  a config that overrides config/config.yaml
#   TARGET      rules or files to make in place of everything
#   CORES       cores for Snakemake (all)
#   ARGS        passed on as it stands to snakemake or pytest, e.g. ARGS=-n
#   PYTHON      the interpreter that .venv is built with
#   GPU=1       .venv from envs/requirements-gpu.txt (give it each time, or export it)
#   LOCKFLAGS   for make lock: --upgrade takes newer versions of everything

CORES ?= all
PYTHON ?= python3 python3.13 python3.12 python3.11
LOCK := envs/requirements$(if $(GPU),-gpu).txt
# Written last, so that it exists only beside a finished environment.
STAMP := .venv/complete
# The environment knows its folder by absolute path: a moved one is of no use.
IDENTITY := $(LOCK) in $(CURDIR)

SHELL := /bin/sh
.ONESHELL:
.SHELLFLAGS := -euc
.SILENT:
.DEFAULT_GOAL := figures
.PHONY: figures audit bench recipes times test test-long lint wings lock clean FORCE

# Without bytecode every start of Snakemake costs 2 s more; a search path from
# outside would mix foreign packages into the locked ones.
unexport PYTHONDONTWRITEBYTECODE PIP_NO_COMPILE PIP_USER PYTHONPATH PYTHONHOME
export TF_CPP_MIN_LOG_LEVEL ?= 2

# Held by this shell and by what it starts, so a kill of either cannot free the
# folder while the other still writes. File descriptor 9 carries the lock.
define take_lock
if command -v flock >/dev/null; then
    exec 9>.make.lock
    flock -n 9 || { echo "dfim: another make is at work in this folder; wait for it or end it" >&2; exit 1; }
else
    echo "dfim: flock (util-linux) is missing: nothing keeps a second run out of this folder" >&2
fi
endef

# Snakemake leaves its own lock behind when it is killed. Only a holder of ours
# may remove it, and only when no run started without make is alive here, nor a
# job that outlived its killed Snakemake.
define clear_stale_lock
if ls .snakemake/locks/*.lock >/dev/null 2>&1; then
    command -v flock >/dev/null || { echo "dfim: a lock of Snakemake is left; if nothing runs here: .venv/bin/snakemake --unlock" >&2; exit 1; }
    for cwd in /proc/[0-9]*/cwd; do
        process=$${cwd%/cwd}
        [ "$$(readlink $$cwd)" = "$(CURDIR)" ] || continue
        case $$(readlink $$process/exe) in */python*) ;; *) continue ;; esac
        if tr '\0' '\n' <$$process/cmdline 2>/dev/null | grep -qE '(^|/)snakemake$$|/\.snakemake/scripts/'; then
            echo "dfim: Snakemake or one of its jobs is at work in this folder (process $${process#/proc/}); wait for it or end it" >&2
            exit 1
        fi
    done
    snakemake --unlock --quiet all $(config)
fi
endef

config = $(if $(CONFIGFILE),--configfile '$(CONFIGFILE)')

figures: $(STAMP)
	$(if $(CONFIGFILE),[ -f '$(CONFIGFILE)' ] || { echo "dfim: CONFIGFILE: there is no file $(CONFIGFILE)" >&2; exit 1; })
	$(take_lock)
	PATH="$(CURDIR)/.venv/bin:$$PATH"
	$(clear_stale_lock)
	snakemake $(config) --cores $(CORES) $(ARGS) -- $(TARGET)

audit: CONFIGFILE = config/audit.yaml
audit: figures

bench: $(STAMP)
	PYTHONPATH=workflow .venv/bin/python workflow/scripts/benchmark_engine.py

recipes: $(STAMP)
	$(take_lock)
	PATH="$(CURDIR)/.venv/bin:$$PATH"
	export PYTHONPATH=workflow
	snakemake --cores $(CORES) -- $$(python workflow/scripts/measure_recipes.py --inputs)
	python workflow/scripts/measure_recipes.py $(ARGS)

times: $(STAMP)
	PYTHONPATH=workflow .venv/bin/python -m flow.benchmark.run_times $(or $(RUNS),results/default) $(ARGS)

# Two workers; the tests of a file stay together, as they share what its fixtures made. The
# order is that of tests/conftest.py: the longest files first.
test: $(STAMP)
	.venv/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

test-long: $(STAMP)
	.venv/bin/python -m pytest -m long $(ARGS)

lint: $(STAMP)
	PATH="$(CURDIR)/.venv/bin:$$PATH"
	ruff check .
	ruff format --check .
	snakefmt --check workflow
	snakemake --lint
	mypy

wings: $(STAMP)
	PYTHONPATH=tests .venv/bin/python docs/draw_wings.py

clean:
	$(take_lock)
	rm -rf results .snakemake .pytest_cache .ruff_cache .mypy_cache build workflow/*.egg-info
	find workflow tests -name __pycache__ -prune -exec rm -rf {} +

# ---- the environment -----------------------------------------------------------

ifneq ($(shell [ -x .venv/bin/python ] && head -n 1 $(STAMP) 2>/dev/null),$(IDENTITY))
$(STAMP): FORCE
endif

# setuptools and wheel come first, by hash: two packages are source
# distributions, and building them in isolation would fetch an unpinned setuptools.
$(STAMP): $(LOCK) pyproject.toml
	$(take_lock)
	digest=$$(cksum <$(LOCK))
	install() { .venv/bin/python -m pip install --quiet --no-input --disable-pip-version-check --no-build-isolation "$$@"; }
	if [ ! -x .venv/bin/python ] || [ "$$(cat $(STAMP) 2>/dev/null)" != "$$(printf '%s\n%s' '$(IDENTITY)' "$$digest")" ]; then
	    base= fault="no python3 found"
	    for python in $(PYTHON); do
	        version=$$("$$python" -c 'import platform; print(platform.python_version())' 2>/dev/null) || continue
	        case $$version in
	            3.11.*|3.12.*|3.13.*) ;;
	            *) fault="$$python is $$version"; continue ;;
	        esac
	        "$$python" -c 'import ensurepip, venv' 2>/dev/null ||
	            { fault="$$python $$version has no venv module (Debian, Ubuntu: install python3-venv)"; continue; }
	        # Not the python of an activated .venv: that one is about to go.
	        base=$$("$$python" -c 'import sys; print(sys._base_executable)')
	        break
	    done
	    [ -n "$$base" ] || { echo "dfim needs Python 3.11, 3.12 or 3.13 with venv: $$fault; or name one: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	    echo "dfim: building .venv with Python $$version from $(LOCK) (a minute or two)" >&2
	    rm -rf .venv
	    "$$base" -m venv .venv
	    awk '/^[a-z]/ {keep = /^(setuptools|wheel)==/} keep' $(LOCK) >.venv/build.txt
	    install --require-hashes --no-deps -r .venv/build.txt
	    install --require-hashes -r $(LOCK)
	fi
	install --no-deps -e .
	printf '%s\n%s\n' '$(IDENTITY)' "$$digest" >.venv/complete.part
	mv .venv/complete.part $(STAMP)

# ---- the locks -----------------------------------------------------------------

# pyproject.toml limits the resolution to one platform, so every line would end
# in the same marker: dropped. No index address comes out, and none goes in but
# the one that the caller's own settings name.
COMPILE = "$$tools/bin/uv" pip compile --quiet --universal --fork-strategy fewest --python-version 3.11 \
    --generate-hashes --no-emit-index-url --no-header $(LOCKFLAGS) --extra workflow --extra dev pyproject.toml
# CPython only, like the wheels of TensorFlow.
CPYTHON := and platform_python_implementation != 'PyPy'
MARKER := python_full_version < '3.14' and platform_machine == 'x86_64' \($(CPYTHON) \)\?and sys_platform == 'linux'

lock:
	tools=$$(mktemp -d)
	trap 'rm -rf "$$tools"' EXIT
	python3 -m venv "$$tools"
	"$$tools/bin/python" -m pip install --quiet --disable-pip-version-check uv==0.13.8
	$(COMPILE) --extra cpu -o envs/requirements.txt >/dev/null
	$(COMPILE) --extra gpu -o envs/requirements-gpu.txt >/dev/null
	sed -i "s/ ; $(MARKER)//" envs/requirements.txt envs/requirements-gpu.txt
	{
	    sed '/^  - pip:/q' envs/dfim.yaml
	    sed -n 's/^\([^ ]*==[^ ]*\).*/      - \1/p' envs/requirements.txt
	} >envs/dfim.yaml.part
	mv envs/dfim.yaml.part envs/dfim.yaml
