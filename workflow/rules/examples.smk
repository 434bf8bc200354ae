# Examples (sequences with labels and a split) and the features in them.


rule build_examples:
    input:
        unpack(lambda wc: RUN.example_files(wc.study)),
    output:
        examples=RUN.path("{study}", "examples.h5"),
    log:
        RUN.path("logs", "{study}", "build_examples.log"),
    conda:
        "../../envs/dfim.yaml"
    threads: 1
    resources:
        mem_mb=lambda wc, attempt: 700 * attempt,
        runtime=10,
    params:
        label=lambda wc: RUN.studies[wc.study]["examples"]["label"],
        group=lambda wc: RUN.studies[wc.study]["examples"].get("group"),
        split=lambda wc: RUN.studies[wc.study]["examples"].get("split"),
        seed=lambda wc: RUN.seed("build_examples", wc.study),
        code=code_digest("scripts/build_examples.py"),
    script:
        "../scripts/build_examples.py"


rule locate_features:
    input:
        examples=rules.build_examples.output.examples,
        table=lambda wc: RUN.feature_table(wc.study),
    output:
        features=RUN.path("{study}", "features.tsv.gz"),
    log:
        RUN.path("logs", "{study}", "locate_features.log"),
    conda:
        "../../envs/dfim.yaml"
    threads: 1
    resources:
        mem_mb=lambda wc, attempt: 700 * attempt,
        runtime=10,
    params:
        patterns=lambda wc: RUN.studies[wc.study]["features"].get("patterns"),
        both_strands=lambda wc: RUN.studies[wc.study]["features"].get(
            "both_strands", False
        ),
        names=lambda wc: motif_names(RUN.studies[wc.study]),
        code=code_digest("scripts/locate_features.py"),
    script:
        "../scripts/locate_features.py"
