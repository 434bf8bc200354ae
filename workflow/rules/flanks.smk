# Every flank of ten bases: measured, predicted, scored; mean FIS at fixed bases; what
# linear models of the same network say.


rule collect_flanks:
    input:
        unpack(lambda wc: RUN.flanks(wc.study).files()),
    output:
        measurements=RUN.path("{study}", "flanks", "measurements.h5"),
    log:
        RUN.path("logs", "{study}", "collect_flanks.log"),
    benchmark:
        RUN.path("benchmarks", "{study}", "collect_flanks.tsv")
    wildcard_constraints:
        study="|".join(RUN.built_from("betseq")) or "no_study",
    conda:
        "../../envs/dfim.yaml"
    threads: 1
    resources:
        mem_mb=lambda wc, attempt: 2000 * attempt,
        runtime=20,
    params:
        layout=lambda wc: RUN.flanks(wc.study).layout(),
        split=lambda wc: RUN.studies[wc.study]["examples"].get("split"),
        seed=lambda wc: RUN.seed("collect_flanks", wc.study),
        code=code_digest("scripts/collect_flanks.py"),
    script:
        "../scripts/collect_flanks.py"


rule train_flank_network:
    input:
        measurements=rules.collect_flanks.output.measurements,
    output:
        model=RUN.path("{study}", "model", "model.keras"),
        history=RUN.path("{study}", "model", "history.tsv"),
    log:
        RUN.path("logs", "{study}", "train_flank_network.log"),
    benchmark:
        RUN.path("benchmarks", "{study}", "train_flank_network.tsv")
    wildcard_constraints:
        study="|".join(sorted(set(RUN.trained()) & set(RUN.of_flanks()))) or "no_study",
    conda:
        "../../envs/dfim.yaml"
    threads: lambda wc: RUN.training(wc.study)["threads"]
    resources:
        mem_mb=lambda wc, attempt: 1500 * attempt,
        runtime=120,
    params:
        options=lambda wc: RUN.studies[wc.study]["model"].get("options", {}),
        training=lambda wc: RUN.training(wc.study),
        # Not an output: a killed job goes on from it.
        checkpoint=RUN.path("{study}", "checkpoints", "training"),
        seed=lambda wc: RUN.seed("train_flank_network", wc.study),
        code=code_digest("scripts/train_flank_network.py"),
    script:
        "../scripts/train_flank_network.py"


rule predict_flanks:
    input:
        model=RUN.path("{study}", "model", "model.keras"),
        measurements=lambda wc: RUN.flanks(wc.study).measurements(),
        truth=lambda wc: RUN.flanks(wc.study).truth()["truth"],
    output:
        predictions=RUN.path("{study}", "flanks", "predictions.h5"),
        layers=RUN.path("{study}", "flanks", "layers.tsv"),
        metrics=RUN.path("{study}", "flanks", "metrics.json"),
    log:
        RUN.path("logs", "{study}", "predict_flanks.log"),
    benchmark:
        RUN.path("benchmarks", "{study}", "predict_flanks.tsv")
    conda:
        "../../envs/dfim.yaml"
    threads: RUN.config["scoring"]["threads"]
    resources:
        mem_mb=lambda wc, attempt: 1500 * attempt,
        runtime=15,
    params:
        tensorflow_threads=RUN.config["scoring"]["threads"],
        seed=lambda wc: RUN.seed("predict_flanks", wc.study),
        code=code_digest("scripts/predict_flanks.py"),
    script:
        "../scripts/predict_flanks.py"


rule choose_flanks:
    input:
        predictions=rules.predict_flanks.output.predictions,
        measurements=lambda wc: RUN.flanks(wc.study).measurements(),
    output:
        chosen=RUN.path("{study}", "flanks", "chosen.h5"),
    log:
        RUN.path("logs", "{study}", "choose_flanks.log"),
    conda:
        "../../envs/dfim.yaml"
    threads: 1
    resources:
        mem_mb=lambda wc, attempt: 700 * attempt,
        runtime=5,
    params:
        rank_by=lambda wc: RUN.flanks(wc.study).settings["rank_by"],
        extremes=lambda wc: RUN.flanks(wc.study).settings["extremes"],
        code=code_digest("scripts/choose_flanks.py"),
    script:
        "../scripts/choose_flanks.py"


rule score_flanks:
    input:
        model=RUN.path("{study}", "model", "model.keras"),
    output:
        factorial=RUN.path("{study}", "flanks", "{analysis}", "factorial.h5"),
    log:
        RUN.path("logs", "{study}", "flanks", "score_flanks.{analysis}.log"),
    benchmark:
        RUN.path("benchmarks", "{study}", "flanks", "score_flanks.{analysis}.tsv")
    conda:
        "../../envs/dfim.yaml"
    threads: lambda wc: RUN.flanks(wc.study).analysis(wc.analysis)["threads"]
    resources:
        mem_mb=lambda wc, attempt: 1500 * attempt,
        runtime=30,
    params:
        settings=lambda wc: RUN.flanks(wc.study).analysis(wc.analysis),
        seed=lambda wc: RUN.seed("score_flanks", wc.study, wc.analysis),
        code=code_digest("scripts/score_flanks.py"),
    script:
        "../scripts/score_flanks.py"


rule average_flanks:
    input:
        factorial=rules.score_flanks.output.factorial,
        chosen=rules.choose_flanks.output.chosen,
    output:
        all=RUN.path("{study}", "flanks", "{analysis}", "maps.all.h5"),
        strongest=RUN.path("{study}", "flanks", "{analysis}", "maps.strongest.h5"),
        weakest=RUN.path("{study}", "flanks", "{analysis}", "maps.weakest.h5"),
        table=RUN.path("{study}", "flanks", "{analysis}", "cells.tsv.gz"),
    log:
        RUN.path("logs", "{study}", "flanks", "average_flanks.{analysis}.log"),
    benchmark:
        RUN.path("benchmarks", "{study}", "flanks", "average_flanks.{analysis}.tsv")
    conda:
        "../../envs/dfim.yaml"
    threads: 1
    resources:
        mem_mb=lambda wc, attempt: 1000 * attempt,
        runtime=10,
    params:
        code=code_digest("scripts/average_flanks.py"),
    script:
        "../scripts/average_flanks.py"


rule distill_flanks:
    input:
        predictions=rules.predict_flanks.output.predictions,
    output:
        linear=RUN.path("{study}", "flanks", "linear.h5"),
        epistatic=RUN.path("{study}", "flanks", "epistasis.h5"),
        table=RUN.path("{study}", "flanks", "terms.tsv.gz"),
    log:
        RUN.path("logs", "{study}", "distill_flanks.log"),
    benchmark:
        RUN.path("benchmarks", "{study}", "distill_flanks.tsv")
    conda:
        "../../envs/dfim.yaml"
    threads: 1
    resources:
        mem_mb=lambda wc, attempt: 1500 * attempt,
        runtime=10,
    params:
        code=code_digest("scripts/distill_flanks.py"),
    script:
        "../scripts/distill_flanks.py"
