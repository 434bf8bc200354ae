# Raw inputs, the same names and formats whatever their origin. Genomes and peaks of
# the user's are read where they are; downloads have rules of their own (download.smk).
from flow.declarations.study import (
    ACCESSIBLE_TASKS,
    SYNTHETIC_ACCESSIBLE,
    SYNTHETIC_FLANKS,
    SIMULATED_TASKS,
    SYNTHETIC_GENOMES,
)
from flow.declarations.flank_study import synthetic_tables
from flow.declarations.sheets import SHEETS

if RUN.config["inputs"] != "local":

    rule simulate_sequences:
        output:
            sequences=RUN.path("inputs", "embedded_motifs", "sequences.fa.gz"),
            labels=RUN.path("inputs", "embedded_motifs", "labels.txt.gz"),
            embeddings=RUN.path("inputs", "embedded_motifs", "embeddings.tsv.gz"),
        log:
            RUN.path("logs", "simulate_sequences.log"),
        benchmark:
            RUN.path("benchmarks", "simulate_sequences.tsv")
        conda:
            "../../envs/dfim.yaml"
        threads: 1
        resources:
            mem_mb=lambda wc, attempt: 700 * attempt,
            runtime=10,
        params:
            simulation={
                **RUN.config["simulation"],
                "motifs": dict(RUN.config["simulation"]["motifs"]),
            },
            seed=RUN.seed("simulate_sequences"),
            code=code_digest("scripts/simulate_sequences.py"),
        script:
            "../scripts/simulate_sequences.py"


if RUN.config["inputs"] == "synthetic":

    # The same seed for both: one genome and one set of sites, other binding.
    rule simulate_genome:
        output:
            genome=RUN.path("inputs", "{dataset}", "genome.fa.gz"),
            accessible=RUN.path("inputs", "{dataset}", "dnase.narrowPeak.gz"),
            chip=expand(
                RUN.path("inputs", "{{dataset}}", "{task}.narrowPeak.gz"),
                task=SIMULATED_TASKS,
            ),
            elements=RUN.path("inputs", "{dataset}", "elements.tsv.gz"),
            sites=RUN.path("inputs", "{dataset}", "sites.tsv.gz"),
            oracle=RUN.path("inputs", "{dataset}", "oracle.tsv"),
        log:
            RUN.path("logs", "simulate_genome.{dataset}.log"),
        benchmark:
            RUN.path("benchmarks", "simulate_genome.{dataset}.tsv")
        wildcard_constraints:
            dataset="|".join(SYNTHETIC_GENOMES),
        conda:
            "../../envs/dfim.yaml"
        threads: 1
        resources:
            mem_mb=lambda wc, attempt: 1000 * attempt,
            runtime=10,
        params:
            simulation=lambda wc: {
                "binding": SYNTHETIC_GENOMES[wc.dataset],
                **RUN.config["genome_simulation"],
            },
            window=lambda wc: RUN.user_of(wc.dataset)["window"],
            test=lambda wc: RUN.user_of(wc.dataset)["split"]["test"],
            seed=RUN.seed("simulate_genome"),
            code=code_digest("scripts/simulate_genome.py"),
        script:
            "../scripts/simulate_genome.py"

    # Open chromatin of 18 cell types, and binding QTLs with their truth.
    rule simulate_accessibility:
        output:
            genome=RUN.path("inputs", SYNTHETIC_ACCESSIBLE, "genome.fa.gz"),
            peaks=expand(
                RUN.path("inputs", SYNTHETIC_ACCESSIBLE, "{task}.narrowPeak.gz"),
                task=ACCESSIBLE_TASKS,
            ),
            samples=RUN.path("inputs", SYNTHETIC_ACCESSIBLE, "samples.tsv"),
            workbook=RUN.path("inputs", SYNTHETIC_ACCESSIBLE, "bqtls.xlsx"),
            binding=expand(
                RUN.path("inputs", SYNTHETIC_ACCESSIBLE, "{factor}.narrowPeak.gz"),
                factor=SHEETS,
            ),
            elements=RUN.path("inputs", SYNTHETIC_ACCESSIBLE, "elements.tsv.gz"),
            sites=RUN.path("inputs", SYNTHETIC_ACCESSIBLE, "sites.tsv.gz"),
            truth=RUN.path("inputs", SYNTHETIC_ACCESSIBLE, "truth.tsv.gz"),
            oracle=RUN.path("inputs", SYNTHETIC_ACCESSIBLE, "oracle.tsv"),
        log:
            RUN.path("logs", "simulate_accessibility.log"),
        benchmark:
            RUN.path("benchmarks", "simulate_accessibility.tsv")
        # The longest chain of the default run starts here, and should start first.
        priority: 1
        conda:
            "../../envs/dfim.yaml"
        threads: 1
        resources:
            mem_mb=lambda wc, attempt: 2000 * attempt,
            runtime=15,
        params:
            simulation=RUN.config["accessibility_simulation"],
            window=lambda wc: RUN.user_of(SYNTHETIC_ACCESSIBLE)["window"],
            test=lambda wc: RUN.user_of(SYNTHETIC_ACCESSIBLE)["split"]["test"],
            validation=lambda wc: RUN.user_of(SYNTHETIC_ACCESSIBLE)["split"][
                "validation"
            ],
            seed=RUN.seed("simulate_accessibility"),
            code=code_digest("scripts/simulate_accessibility.py"),
        script:
            "../scripts/simulate_accessibility.py"

    # Binding to ten bases around a core, measured in replicates.
    rule simulate_flanks:
        output:
            counts=synthetic_tables(RUN.config, RUN.path("inputs")),
            terms=RUN.path("inputs", SYNTHETIC_FLANKS, "terms.tsv"),
            truth=RUN.path("inputs", SYNTHETIC_FLANKS, "truth.h5"),
        log:
            RUN.path("logs", "simulate_flanks.log"),
        benchmark:
            RUN.path("benchmarks", "simulate_flanks.tsv")
        conda:
            "../../envs/dfim.yaml"
        threads: 1
        resources:
            mem_mb=lambda wc, attempt: 1000 * attempt,
            runtime=10,
        params:
            simulation=RUN.config["flank_simulation"],
            seed=RUN.seed("simulate_flanks"),
            code=code_digest("scripts/simulate_flanks.py"),
        script:
            "../scripts/simulate_flanks.py"


if RUN.config["inputs"] == "local":

    rule place_local_inputs:
        input:
            source_sequences=f"{RUN.config['local_folder']}/sequences.fa.gz",
            source_labels=f"{RUN.config['local_folder']}/labels.txt.gz",
        output:
            sequences=RUN.path("inputs", "embedded_motifs", "sequences.fa.gz"),
            labels=RUN.path("inputs", "embedded_motifs", "labels.txt.gz"),
        log:
            RUN.path("logs", "place_local_inputs.log"),
        localrule: True
        conda:
            "../../envs/dfim.yaml"
        threads: 1
        resources:
            mem_mb=lambda wc, attempt: 300 * attempt,
            runtime=5,
        params:
            code=code_digest("scripts/place_local_inputs.py"),
        script:
            "../scripts/place_local_inputs.py"
