"""What the scripts share: digests, the job wrapper, progress."""

import logging
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flow.jobs import digest
from flow.jobs.digest import code_digest, config_digest, rule_seed
from flow.jobs.progress import TERMINAL_FD, Progress
from helpers import WORKFLOW

SCRIPTS = sorted(
    str(path.relative_to(WORKFLOW)) for path in (WORKFLOW / "scripts").rglob("*.py")
)

# ---- digests -------------------------------------------------------------------


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A copy of workflow/ that the digest looks at, and a function that digests all scripts."""
    shutil.copytree(WORKFLOW, tmp_path / "w", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(digest, "_WORKFLOW", tmp_path / "w")

    def digests(scripts=SCRIPTS):
        code_digest.cache_clear()
        return {script: code_digest(script) for script in scripts}

    yield tmp_path / "w", digests
    code_digest.cache_clear()


def loaded(script: str) -> set[str]:
    """The project's files that the import statements of a script load, by running them."""
    code = (
        "import ast, sys\n"
        "tree = ast.parse(open(sys.argv[1]).read())\n"
        "found = [n for n in ast.walk(tree) if isinstance(n, (ast.Import, ast.ImportFrom))]\n"
        "found = [n for n in found if 'snakemake' not in ast.unparse(n)]\n"
        "exec(compile(ast.Module(found, []), 'imports', 'exec'))\n"
        "print(*(m.__file__ for m in sys.modules.values() if getattr(m, '__file__', None)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, WORKFLOW / script],
        env={**os.environ, "PYTHONPATH": str(WORKFLOW), "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    paths = {Path(name) for name in done.stdout.split()}
    return {str(path.relative_to(WORKFLOW)) for path in paths if WORKFLOW in path.parents}


IMPORTERS = {
    "dfim/pairs/p_values.py": {
        "scripts/assess_significance.py",
        "scripts/figures/pair_scores.py",
        "scripts/figures/pair_significance.py",
    },
    "dfim/models/classifier_training.py": {
        "scripts/measure_recipes.py",
        "scripts/train_model.py",
    },  # imported inside a function
    "dfim/maps/maps.py": {
        "scripts/benchmark_engine.py",
        "scripts/score_map.py",
        "scripts/score_variant_panels.py",
    },
    "dfim/models/regression_training.py": {"scripts/train_flank_network.py"},
    "dfim/statistics/metrics.py": {"scripts/evaluate_model.py", "scripts/measure_recipes.py"},
    "synthetic/embedded_motifs.py": {"scripts/simulate_sequences.py"},
    "flow/scorecard/page.py": {"scripts/make_report.py", "scripts/make_scorecard.py"},
    "flow/declarations/config.py": {"scripts/measure_recipes.py"},  # no rule runs it
    "scripts/choose_window.py": {"scripts/choose_window.py"},
}


def test_edit_of_a_module_changes_the_scripts_that_import_it_and_no_other(copy):
    folder, digests = copy
    before = digests()
    for module, scripts in IMPORTERS.items():
        with (folder / module).open("a") as file:
            file.write("# edited\n")
        after = digests()
        changed = {script for script in SCRIPTS if before[script] != after[script]}
        assert changed == scripts, module
        before = after


def test_digest_covers_every_module_that_a_script_loads(copy):
    # Modules of modules, through package __init__ files, some of them imported late.
    folder, digests = copy
    script = "scripts/assess_significance.py"
    files = loaded(script) - {script}
    assert {"dfim/__init__.py", "dfim/sequences/shuffle.py", "flow/jobs/job.py"} <= files
    for module in sorted(files):
        before = digests([script])
        with (folder / module).open("a") as file:
            file.write("# edited\n")
        assert digests([script]) != before, module


def test_digest_does_not_depend_on_where_the_repository_lies(copy):
    folder, digests = copy
    first = digests()
    folder.rename(folder.with_name("moved"))
    digest._WORKFLOW = folder.with_name("moved")  # put back by the fixture's monkeypatch
    assert digests() == first


def test_config_digest_knows_no_order_of_keys():
    assert config_digest({"a": 1, "b": [1, 2]}) == config_digest({"b": [1, 2], "a": 1})
    assert config_digest({"a": [1, 2]}) != config_digest({"a": [2, 1]})
    assert config_digest({"a": 1}) != config_digest({"a": "1"})


def test_rule_seeds_are_unsigned_32_bit_and_fixed():
    assert rule_seed(1, "train_model", "simulated") == rule_seed(1, "train_model", "simulated")
    assert all(0 <= rule_seed(1, str(i)) < 2**32 for i in range(50))
    assert rule_seed(1, "ab", "c") != rule_seed(1, "a", "bc")


# ---- the job wrapper -----------------------------------------------------------

JOB = """
import logging, os, sys, warnings
from types import SimpleNamespace
from flow.jobs.job import run_job

def main(a, b, n):
    print("from print")
    os.system("echo from a child")
    os.write(2, b"from C\\n")
    warnings.warn("from a warning")
    logging.getLogger("dfim.x").info("a=%s b=%s n=%s", a, b, n)
    {body}

job = SimpleNamespace(rule="score_it", input={{"a": "x.h5"}}, output={{"b": ["y"]}},
                      params={{"n": {{"x": 3}}, "code": "0123"}},
                      log=["logs/deep/score_it.log"])
run_job(main, job, n=lambda param: param["x"])
"""


def run_job_in(folder, body):
    done = subprocess.run(
        [sys.executable, "-c", JOB.format(body=body)],
        cwd=folder, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(WORKFLOW)},
    )  # fmt: skip
    return done, (folder / "logs/deep/score_it.log").read_text()


def test_job_sends_everything_to_its_log(tmp_path):
    done, log = run_job_in(tmp_path, "pass")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    for line in ("from print", "from a child", "from C", "from a warning",
                 "a=x.h5 b=['y'] n=3", "rule score_it done in"):  # fmt: skip
        assert line in log


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("raise ValueError('a.tsv, line 3:\\n  got 4')", "a.tsv, line 3: got 4"),
        ("open('none.txt')", "[Errno 2] No such file or directory: 'none.txt'"),
        ("{}['key']", "KeyError: 'key'"),
        ("raise RuntimeError", "RuntimeError: RuntimeError"),
    ],
)  # fmt: skip
def test_failing_job_says_one_line_and_exits_with_1(tmp_path, body, line):
    done, log = run_job_in(tmp_path, body)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == f"dfim: rule score_it: {line} (log: logs/deep/score_it.log)\n"
    assert "Traceback (most recent call last)" in log
    assert "from print" in log


# ---- progress ------------------------------------------------------------------


def tenths(caplog):
    return [int(r.getMessage().split(":")[1].split("%")[0]) for r in caplog.records]


@pytest.fixture
def log(caplog, monkeypatch):
    monkeypatch.delenv(TERMINAL_FD, raising=False)
    with caplog.at_level(logging.INFO, logger="flow.jobs.progress"):
        yield caplog


def test_progress_says_every_tenth_once(log):
    with Progress("score", 1234) as progress:
        for _ in range(1234):
            progress.advance(1)
    assert tenths(log) == list(range(10, 101, 10))
    assert "1,234 of 1,234" in log.records[-1].getMessage()


def test_progress_goes_on_where_an_interrupted_run_stopped(log):
    with Progress("score", 10, done=4) as progress:
        progress.advance(3)
        progress.advance(3, "loss 0.1")
    assert tenths(log) == [70, 100]
    assert log.records[-1].getMessage().endswith(", loss 0.1")


def test_progress_of_a_failed_step_does_not_say_it_is_done(log):
    def fail():
        with Progress("score", 10) as progress:
            progress.advance(5)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert tenths(log) == [50]


def test_progress_draws_a_bar_on_a_terminal_only(monkeypatch, caplog):
    for descriptors in (pty.openpty(), os.pipe()):
        read, write = descriptors
        monkeypatch.setenv(TERMINAL_FD, str(write))
        is_terminal = os.isatty(write)
        with Progress("score", 2) as progress:
            progress.advance(1)
        os.write(write, b"end")
        shown = os.read(read, 4096).decode()
        assert ("50 %" in shown) == is_terminal
        for descriptor in descriptors:
            os.close(descriptor)
