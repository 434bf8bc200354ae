# Variants: read, check and choose; score; name the motifs; look closely at those in figures.

VARIANTS = RUN.path("{study}", "variants", "{collection}")


rule write_encode_motifs:
    output:
        motifs=RUN.path("inputs", "encode_motifs.meme"),
    log:
        RUN.path("logs", "write_encode_motifs.log"),
    conda:
        "../../envs/dfim.yaml"
    threads: 1
    resources:
        mem_mb=lambda wc, attempt: 500 * attempt,
        runtime=5,
    params:
        code=code_digest("scripts/write_encode_motifs.py"),
    script:
        "../scripts/write_encode_motifs.py"


rule collect_variants:
    input:
        unpack(lambda wc: RUN.collection(wc.study, wc.collection).files()),
    output:
        table=f"{VARIANTS}/variants.tsv.gz",
        windows=f"{VARIANTS}/windows.h5",
        counts=f"{VARIANTS}/counts.json",
    log:
        RUN.path("logs", "{study}", "collect_variants.{collection}.log"),
    benchmark:
        RUN.path("benchmarks", "{study}", "collect_variants.{collection}.tsv")
    conda:
        "../../envs/dfim.yaml"
    threads: 1
    resources:
        # A genome takes a byte a base; the human one is 3.1 Gb.
        mem_mb=lambda wc, attempt: (
            8000 if RUN.config["inputs"] == "download" else 1500
        )
        * attempt,
        runtime=30,
    params:
        sets=lambda wc: RUN.collection(wc.study, wc.collection).sets,
        control_sets=lambda wc: RUN.collection(wc.study, wc.collection).sets_with(
            "controls"
        ),
        binding_sets=lambda wc: RUN.collection(wc.study, wc.collection).sets_with(
            "chip"
        ),
        contigs=lambda wc: RUN.collection(wc.study, wc.collection).contigs,
        window=lambda wc: RUN.collection(wc.study, wc.collection).window,
        choice=lambda wc: RUN.collection(wc.study, wc.collection).choice(),
        listed=lambda wc: RUN.collection(wc.study, wc.collection).listed(),
        chunks=lambda wc: RUN.collection(wc.study, wc.collection).most_chunks(),
        seed=lambda wc: RUN.seed("collect_variants", wc.study, wc.collection),
        code=code_digest("scripts/collect_variants.py"),
    script:
        "../scripts/collect_variants.py"


rule score_variants:
    input:
        table=rules.collect_variants.output.table,
        windows=rules.collect_variants.output.windows,
        model=RUN.path("{study}", "model", "model.keras"),
    output:
        scores=f"{VARIANTS}/{{analysis}}/scores.{{chunk}}.h5",
        deltas=f"{VARIANTS}/{{analysis}}/deltas.{{chunk}}.h5",
    log:
        RUN.path(
            "logs", "{study}", "score_variants.{collection}.{analysis}.{chunk}.log"
        ),
    benchmark:
        RUN.path(
            "benchmarks",
            "{study}",
            "score_variants.{collection}.{analysis}.{chunk}.tsv",
        )
    conda:
        "../../envs/dfim.yaml"
    threads: lambda wc: RUN.collection(wc.study, wc.collection).analysis(wc.analysis)["threads"]
    resources:
        mem_mb=lambda wc, attempt: 2500 * attempt,
        runtime=120,
    params:
        # Not an output: finished blocks outlive a killed job.
        blocks=f"{VARIANTS}/{{analysis}}/blocks/scores.{{chunk}}",
        chunk=lambda wc: int(wc.chunk),
        chunks=lambda wc: RUN.collection(wc.study, wc.collection).analysis(
            wc.analysis
        )["chunks"],
        settings=lambda wc: RUN.collection(wc.study, wc.collection).analysis(
            wc.analysis
        ),
        declared=lambda wc: RUN.studies[wc.study]["model"],
        tasks=lambda wc: RUN.tasks(wc.study),
        seed=lambda wc: RUN.seed("score_variants", wc.study, wc.collection, wc.analysis),
        code=code_digest("scripts/score_variants.py"),
    script:
        "../scripts/score_variants.py"


rule score_variant_nulls:
    input:
        table=rules.collect_variants.output.table,
        windows=rules.collect_variants.output.windows,
        model=RUN.path("{study}", "model", "model.keras"),
        scores=rules.score_variants.output.scores,
    output:
        null=f"{VARIANTS}/{{analysis}}/null.{{chunk}}.h5",
    log:
        RUN.path(
            "logs",
            "{study}",
            "score_variant_nulls.{collection}.{analysis}.{chunk}.log",
        ),
    conda:
        "../../envs/dfim.yaml"
    threads: lambda wc: RUN.collection(wc.study, wc.collection).analysis(wc.analysis)["threads"]
    resources:
        mem_mb=lambda wc, attempt: 2500 * attempt,
        runtime=720,
    params:
        blocks=f"{VARIANTS}/{{analysis}}/blocks/null.{{chunk}}",
        n_shuffles=lambda wc: RUN.collection(wc.study, wc.collection).settings[
            "n_null_shuffles"
        ],
        half_width=lambda wc: RUN.collection(wc.study, wc.collection).settings[
            "half_width"
        ],
        settings=lambda wc: RUN.collection(wc.study, wc.collection).analysis(
            wc.analysis
        ),
        declared=lambda wc: RUN.studies[wc.study]["model"],
        tasks=lambda wc: RUN.tasks(wc.study),
        seed=lambda wc: RUN.seed("score_variants", wc.study, wc.collection, wc.analysis),
        code=code_digest("scripts/score_variant_nulls.py"),
    script:
        "../scripts/score_variant_nulls.py"


rule tabulate_variants:
    input:
        unpack(
            lambda wc: RUN.collection(wc.study, wc.collection).score_files(
                RUN.path(wc.study), wc.analysis
            )
        ),
        table=rules.collect_variants.output.table,
        windows=rules.collect_variants.output.windows,
        variants=lambda wc: RUN.collection(wc.study, wc.collection).files()["variants"],
        motif_file=lambda wc: RUN.collection(wc.study, wc.collection).motif_file(),
    output:
        results_file=f"{VARIANTS}/{{analysis}}/results.tsv.gz",
        annotated=f"{VARIANTS}/{{analysis}}/annotated.tsv.gz",
        vcf=f"{VARIANTS}/{{analysis}}/annotated.vcf.gz",
        bedpe=f"{VARIANTS}/{{analysis}}/sites.bedpe.gz",
        sites=f"{VARIANTS}/{{analysis}}/sites.tsv.gz",
    log:
        RUN.path("logs", "{study}", "tabulate_variants.{collection}.{analysis}.log"),
    conda:
        "../../envs/dfim.yaml"
    threads: 1
    resources:
        mem_mb=lambda wc, attempt: 2000 * attempt,
        runtime=30,
    params:
        motifs=lambda wc: RUN.collection(wc.study, wc.collection).settings.get(
            "motifs", {}
        ),
        motif_choice=lambda wc: RUN.collection(wc.study, wc.collection).motif_choice(
            wc.analysis
        ),
        half_width=lambda wc: RUN.collection(wc.study, wc.collection).settings[
            "half_width"
        ],
        code=code_digest("scripts/tabulate_variants.py"),
    script:
        "../scripts/tabulate_variants.py"


rule score_variant_panels:
    input:
        results_file=rules.tabulate_variants.output.results_file,
        sites=rules.tabulate_variants.output.sites,
        windows=rules.collect_variants.output.windows,
        model=RUN.path("{study}", "model", "model.keras"),
    output:
        panels=f"{VARIANTS}/{{analysis}}/panels.h5",
    log:
        RUN.path("logs", "{study}", "score_variant_panels.{collection}.{analysis}.log"),
    benchmark:
        RUN.path(
            "benchmarks", "{study}", "score_variant_panels.{collection}.{analysis}.tsv"
        )
    conda:
        "../../envs/dfim.yaml"
    threads: lambda wc: RUN.collection(wc.study, wc.collection).analysis(wc.analysis)["threads"]
    resources:
        mem_mb=lambda wc, attempt: 2000 * attempt,
        runtime=60,
    params:
        figures=lambda wc: {
            figure.id: RUN.options_of(figure.id)
            for figure in RUN.collection(wc.study, wc.collection).figures(wc.analysis)
        },
        n_shuffles=lambda wc: RUN.collection(wc.study, wc.collection).settings[
            "n_null_shuffles"
        ],
        settings=lambda wc: RUN.collection(wc.study, wc.collection).analysis(
            wc.analysis
        ),
        declared=lambda wc: RUN.studies[wc.study]["model"],
        tasks=lambda wc: RUN.tasks(wc.study),
        seed=lambda wc: RUN.seed("score_variants", wc.study, wc.collection, wc.analysis),
        code=code_digest("scripts/score_variant_panels.py"),
    script:
        "../scripts/score_variant_panels.py"
