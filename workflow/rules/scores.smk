# Interaction scores in shards, real and null; joined and tested; one whole map.


rule score_pairs:
    input:
        examples=RUN.path("{study}", "examples.h5"),
        features=rules.locate_features.output.features,
        model=RUN.path("{study}", "model", "model.keras"),
        predictions=rules.evaluate_model.output.predictions,
    output:
        real=RUN.path("{study}", "{analysis}", "scores", "real.{chunk}.h5"),
        null=RUN.path("{study}", "{analysis}", "scores", "null.{chunk}.h5"),
        measured=RUN.path("{study}", "{analysis}", "scores", "measured.{chunk}.h5"),
    log:
        RUN.path("logs", "{study}", "{analysis}", "score_pairs.{chunk}.log"),
    benchmark:
        RUN.path("benchmarks", "{study}", "{analysis}", "score_pairs.{chunk}.tsv")
    conda:
        "../../envs/dfim.yaml"
    threads: lambda wc: RUN.analysis(wc.study, wc.analysis)["threads"]
    resources:
        mem_mb=lambda wc, attempt: 1500 * attempt,
        runtime=60,
    params:
        # Not an output: finished blocks outlive a killed job.
        blocks=RUN.path("{study}", "{analysis}", "blocks", "{chunk}"),
        chunk=lambda wc: int(wc.chunk),
        settings=lambda wc: RUN.scoring(wc.study, wc.analysis),
        select=lambda wc: RUN.studies[wc.study]["analyses"][wc.analysis].get(
            "select", {}
        ),
        declared=lambda wc: RUN.studies[wc.study]["model"],
        seeds=lambda wc: {
            kind: RUN.seed("score_pairs", wc.study, wc.analysis, kind)
            for kind in ("real", "null")
        },
        code=code_digest("scripts/score_pairs.py"),
    script:
        "../scripts/score_pairs.py"


rule assess_significance:
    input:
        examples=RUN.path("{study}", "examples.h5"),
        real_shards=lambda wc: RUN.score_files(wc.study, wc.analysis, "real"),
        null_shards=lambda wc: RUN.score_files(wc.study, wc.analysis, "null"),
        measured=lambda wc: RUN.score_files(wc.study, wc.analysis, "measured"),
    output:
        real=RUN.path("{study}", "{analysis}", "scores", "real.h5"),
        null=RUN.path("{study}", "{analysis}", "scores", "null.h5"),
        pairs=RUN.path("{study}", "{analysis}", "pairs.h5"),
        table=RUN.path("{study}", "{analysis}", "pairs.tsv.gz"),
        calls=RUN.path("{study}", "{analysis}", "calls.tsv"),
        summary=RUN.path("{study}", "{analysis}", "summary.json"),
    log:
        RUN.path("logs", "{study}", "{analysis}", "assess_significance.log"),
    benchmark:
        RUN.path("benchmarks", "{study}", "{analysis}", "assess_significance.tsv")
    conda:
        "../../envs/dfim.yaml"
    threads: 1
    resources:
        mem_mb=lambda wc, attempt: 1500 * attempt,
        runtime=20,
    params:
        settings=lambda wc: RUN.analysis(wc.study, wc.analysis),
        code=code_digest("scripts/assess_significance.py"),
    script:
        "../scripts/assess_significance.py"


rule score_double_mutants:
    input:
        examples=RUN.path("{study}", "examples.h5"),
        model=RUN.path("{study}", "model", "model.keras"),
        pairs=rules.assess_significance.output.pairs,
    output:
        interactions=RUN.path("{study}", "{analysis}", "double_mutants.h5"),
    log:
        RUN.path("logs", "{study}", "{analysis}", "score_double_mutants.log"),
    benchmark:
        RUN.path("benchmarks", "{study}", "{analysis}", "score_double_mutants.tsv")
    conda:
        "../../envs/dfim.yaml"
    threads: lambda wc: RUN.analysis(wc.study, wc.analysis)["threads"]
    resources:
        mem_mb=lambda wc, attempt: 1500 * attempt,
        runtime=15,
    params:
        settings=lambda wc: RUN.scoring(wc.study, wc.analysis),
        declared=lambda wc: RUN.studies[wc.study]["model"],
        seed=lambda wc: RUN.seed("score_double_mutants", wc.study, wc.analysis),
        code=code_digest("scripts/score_double_mutants.py"),
    script:
        "../scripts/score_double_mutants.py"


rule choose_window:
    input:
        examples=RUN.path("{study}", "examples.h5"),
        predictions=rules.evaluate_model.output.predictions,
        pairs=lambda wc: RUN.path(
            wc.study, RUN.studies[wc.study]["map"]["analysis"], "pairs.h5"
        ),
    output:
        window=RUN.path("{study}", "map", "window.json"),
    log:
        RUN.path("logs", "{study}", "choose_window.log"),
    conda:
        "../../envs/dfim.yaml"
    threads: 1
    resources:
        mem_mb=lambda wc, attempt: 700 * attempt,
        runtime=5,
    params:
        choice=lambda wc: RUN.studies[wc.study]["map"],
        task=lambda wc: RUN.analysis(
            wc.study, RUN.studies[wc.study]["map"]["analysis"]
        )["task"],
        code=code_digest("scripts/choose_window.py"),
    script:
        "../scripts/choose_window.py"


rule score_map:
    input:
        examples=RUN.path("{study}", "examples.h5"),
        model=RUN.path("{study}", "model", "model.keras"),
        window=rules.choose_window.output.window,
    output:
        interaction_map=RUN.path("{study}", "map", "map.h5"),
    log:
        RUN.path("logs", "{study}", "score_map.log"),
    conda:
        "../../envs/dfim.yaml"
    threads: RUN.config["scoring"]["threads"]
    resources:
        mem_mb=lambda wc, attempt: 1200 * attempt,
        runtime=10,
    params:
        settings=lambda wc: RUN.scoring(
            wc.study, RUN.studies[wc.study]["map"]["analysis"]
        ),
        declared=lambda wc: RUN.studies[wc.study]["model"],
        seed=lambda wc: RUN.seed("score_map", wc.study),
        code=code_digest("scripts/score_map.py"),
    script:
        "../scripts/score_map.py"


rule score_tracks:
    input:
        examples=RUN.path("{study}", "examples.h5"),
        model=RUN.path("{study}", "model", "model.keras"),
        predictions=RUN.path("{study}", "model", "predictions.h5"),
        pairs=RUN.path("{study}", "{analysis}", "pairs.h5"),
    output:
        tracks=RUN.path("{study}", "{analysis}", "tracks", "{figure}.h5"),
    log:
        RUN.path("logs", "{study}", "{analysis}", "score_tracks.{figure}.log"),
    wildcard_constraints:
        figure="|".join(RUN.figures_of("pair_tracks")) or "no_figure",
    conda:
        "../../envs/dfim.yaml"
    threads: RUN.config["scoring"]["threads"]
    resources:
        mem_mb=lambda wc, attempt: 1500 * attempt,
        runtime=10,
    params:
        settings=lambda wc: RUN.scoring(wc.study, wc.analysis),
        declared=lambda wc: RUN.studies[wc.study]["model"],
        flank=lambda wc: RUN.options_of(wc.figure).get("flank", 50),
        within=lambda wc: RUN.options_of(wc.figure).get("within", 20),
        split=lambda wc: RUN.options_of(wc.figure).get("split", "test"),
        seed=lambda wc: RUN.seed("score_tracks", wc.figure),
        code=code_digest("scripts/score_tracks.py"),
    script:
        "../scripts/score_tracks.py"
