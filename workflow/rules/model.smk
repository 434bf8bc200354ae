# A study's network: trained here, or brought along; then measured.


rule train_model:
    input:
        examples=RUN.path("{study}", "examples.h5"),
        start=lambda wc: RUN.starting_files(wc.study),
    output:
        model=RUN.path("{study}", "model", "model.keras"),
        history=RUN.path("{study}", "model", "history.tsv"),
    log:
        RUN.path("logs", "{study}", "train_model.log"),
    benchmark:
        RUN.path("benchmarks", "{study}", "train_model.tsv")
    wildcard_constraints:
        study="|".join(sorted(set(RUN.trained()) - set(RUN.of_flanks()))) or "no_study",
    conda:
        "../../envs/dfim.yaml"
    threads: lambda wc: RUN.training(wc.study)["threads"]
    resources:
        mem_mb=lambda wc, attempt: 1500 * attempt,
        runtime=60,
    params:
        architecture=lambda wc: RUN.studies[wc.study]["model"]["architecture"],
        options=lambda wc: RUN.studies[wc.study]["model"].get("options", {}),
        training=lambda wc: RUN.training(wc.study),
        # Not an output: Snakemake deletes those of a killed job, and this one
        # is what the job goes on from.
        checkpoint=RUN.path("{study}", "checkpoints", "training"),
        seed=lambda wc: RUN.seed("train_model", wc.study),
        code=code_digest("scripts/train_model.py"),
    script:
        "../scripts/train_model.py"


rule import_model:
    input:
        source=lambda wc: RUN.model_files(wc.study)["source"],
        weights=lambda wc: RUN.model_files(wc.study)["weights"],
    output:
        model=RUN.path("{study}", "model", "model.keras"),
    log:
        RUN.path("logs", "{study}", "import_model.log"),
    wildcard_constraints:
        study="|".join(RUN.imported()) or "no_study",
    conda:
        "../../envs/dfim.yaml"
    threads: 1
    resources:
        mem_mb=lambda wc, attempt: 1000 * attempt,
        runtime=5,
    params:
        seed=lambda wc: RUN.seed("import_model", wc.study),
        code=code_digest("scripts/import_model.py"),
    script:
        "../scripts/import_model.py"


rule evaluate_model:
    input:
        examples=RUN.path("{study}", "examples.h5"),
        model=RUN.path("{study}", "model", "model.keras"),
    output:
        predictions=RUN.path("{study}", "model", "predictions.h5"),
        metrics=RUN.path("{study}", "model", "metrics.json"),
    log:
        RUN.path("logs", "{study}", "evaluate_model.log"),
    benchmark:
        RUN.path("benchmarks", "{study}", "evaluate_model.tsv")
    conda:
        "../../envs/dfim.yaml"
    threads: RUN.config["scoring"]["threads"]
    resources:
        mem_mb=lambda wc, attempt: 1500 * attempt,
        runtime=15,
    params:
        declared=lambda wc: RUN.studies[wc.study]["model"],
        tensorflow_threads=RUN.config["scoring"]["threads"],
        seed=lambda wc: RUN.seed("evaluate_model", wc.study),
        code=code_digest("scripts/evaluate_model.py"),
    script:
        "../scripts/evaluate_model.py"
