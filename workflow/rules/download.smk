# Raw files that resources/sources.tsv declares, one job per file. Ask for one by
# its path: SOURCES["k562_gata1"].path
import re

from flow.declarations.sources import DOWNLOADS, SourcesError, read_sources

try:
    SOURCES = read_sources()
except SourcesError as error:
    raise SystemExit(str(error))

SOURCE_OF_FILE = {source.file: source for source in SOURCES.values()}


rule fetch_file:
    output:
        downloaded=ensure(f"{DOWNLOADS}/{{file}}", non_empty=True),
    log:
        RUN.path("logs", "fetch_file", "{file}.log"),
    wildcard_constraints:
        file="|".join(re.escape(file) for file in SOURCE_OF_FILE),
    localrule: True
    conda:
        "../../envs/dfim.yaml"
    threads: 1
    resources:
        mem_mb=lambda wc, attempt: 300 * attempt,
        runtime=1440,
    params:
        name=lambda wc: SOURCE_OF_FILE[wc.file].name,
        # What makes the file right. Its code does not: a new file would make
        # every result again, and the checksum holds whatever code brought it.
        code=lambda wc: SOURCE_OF_FILE[wc.file].checksum,
    script:
        "../scripts/fetch_file.py"
