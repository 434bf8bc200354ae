"""What .ci/run checks of the tests' report and of the results tree.

Standard library only: a check of the project that imports the project would
share its faults.
"""

import sys
import xml.etree.ElementTree as ET
from pathlib import Path

FILES_OF_FIGURE = (
    "figures/{}.svg",
    "figures/{}.pdf",
    "figures/{}.png",
    "tables/{}.tsv",
    "stats/{}.json",
)
FILES_OF_RUN = ("scorecard.tsv", "scorecard.html", "report.html")


def junit_name(node: str) -> tuple[str, str]:
    """Return pytest's node id as the (classname, name) of its JUnit report."""
    path, _, rest = node.partition("::")
    test, bracket, parameters = rest.partition("[")
    *classes, name = test.split("::")
    module = path.removesuffix(".py").replace("/", ".")
    return ".".join((module, *classes)), name + bracket + parameters


def check_tests(report: Path, collected: Path) -> list[str]:
    """Return a line for each real-data test that did not run to its end."""
    nodes = [line for line in collected.read_text().splitlines() if "::" in line]
    if not nodes:
        return ["no test is marked realdata"]
    ran = {
        (case.get("classname"), case.get("name"))
        for case in ET.parse(report).iter("testcase")
        if case.find("skipped") is None
    }
    return [f"skipped or not run: {node}" for node in nodes if junit_name(node) not in ran]


def check_results(listing: Path) -> list[str]:
    """Return a line for each promised file of the run that is missing or empty."""
    folder, *figures = listing.read_text().split()
    if not figures:
        return ["the config lists no figure"]
    names = [name.format(figure) for figure in figures for name in FILES_OF_FIGURE]
    paths = [Path(folder, name) for name in (*names, *FILES_OF_RUN)]
    return [
        f"missing or empty: {path}"
        for path in paths
        if not path.is_file() or path.stat().st_size == 0
    ]


def main(check: str, *paths: str) -> int:
    """Run one check, say what it found, and return the exit status."""
    checks = {"tests": check_tests, "results": check_results}
    faults = checks[check](*map(Path, paths))
    sys.stdout.writelines(f"ci: {fault}\n" for fault in faults)
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
