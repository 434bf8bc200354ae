"""`python -m flow.run.list_figures [CONFIGFILE ...]`: a run's folder, then its figures.

One a line on standard output, for scripts that check whether a run is whole.
"""

import sys

from flow.declarations.config import figures, load, run_name
from flow.declarations.validation import validate


def main(configfiles: list[str]) -> None:
    """Print the results folder and the ids of the figures of a configuration."""
    config = load(configfiles)
    validate(config)
    lines = [f"results/{run_name(config, configfiles)}", *figures(config)]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
