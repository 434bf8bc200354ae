# Examples (sequences with labels and a split) and the features in them.


rule build_peak_examples:
    input:
        unpack(lambda wc: RUN.peak_files(wc.study)),
    output:
        examples=RUN.path("{study}", "examples.h5"),
    log:
        RUN.path("logs", "{study}", "build_peak_examples.log"),
    benchmark:
        RUN.path("benchmarks", "{study}", "build_peak_examples.tsv")
    wildcard_constraints:
        study="|".join(RUN.built_from("peaks")) or "no_study",
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
        tasks=lambda wc: RUN.tasks(wc.study),
        contigs=lambda wc: RUN.studies[wc.study]["examples"].get("contigs"),
        window=lambda wc: RUN.studies[wc.study]["examples"]["window"],
        split=lambda wc: RUN.studies[wc.study]["examples"].get("split"),
        seed=lambda wc: RUN.seed("build_peak_examples", wc.study),
        code=code_digest("scripts/build_peak_examples.py"),
    script:
        "../scripts/build_peak_examples.py"


rule build_accessibility_examples:
    input:
        unpack(lambda wc: RUN.accessible_files(wc.study)),
    output:
        examples=RUN.path("{study}", "examples.h5"),
    log:
        RUN.path("logs", "{study}", "build_accessibility_examples.log"),
    benchmark:
        RUN.path("benchmarks", "{study}", "build_accessibility_examples.tsv")
    wildcard_constraints:
        study="|".join(RUN.built_from("accessibility")) or "no_study",
    # The longest training waits for it.
    priority: 1
    conda:
        "../../envs/dfim.yaml"
    threads: 1
    resources:
        # A genome takes a byte a base, and so do windows; the human one is 3.1 Gb.
        mem_mb=lambda wc, attempt: (
            8000 if RUN.config["inputs"] == "download" else 1500
        )
        * attempt,
        runtime=60,
    params:
        tasks=lambda wc: RUN.tasks(wc.study),
        contigs=lambda wc: RUN.studies[wc.study]["examples"].get("contigs"),
        window=lambda wc: RUN.studies[wc.study]["examples"]["window"],
        split=lambda wc: RUN.studies[wc.study]["examples"].get("split"),
        seed=lambda wc: RUN.seed("build_accessibility_examples", wc.study),
        code=code_digest("scripts/build_accessibility_examples.py"),
    script:
        "../scripts/build_accessibility_examples.py"


rule build_examples:
    input:
        unpack(lambda wc: RUN.example_files(wc.study)),
    output:
        examples=RUN.path("{study}", "examples.h5"),
    log:
        RUN.path("logs", "{study}", "build_examples.log"),
    wildcard_constraints:
        study="|".join(RUN.built_from("fasta")) or "no_study",
    conda:
        "../../envs/dfim.yaml"
    threads: 1
    resources:
        mem_mb=lambda wc, attempt: 700 * attempt,
        runtime=10,
    params:
        label=lambda wc: RUN.studies[wc.study]["examples"].get("label"),
        group=lambda wc: RUN.studies[wc.study]["examples"].get("group"),
        split=lambda wc: RUN.studies[wc.study]["examples"].get("split"),
        seed=lambda wc: RUN.seed("build_examples", wc.study),
        code=code_digest("scripts/build_examples.py"),
    script:
        "../scripts/build_examples.py"


rule locate_features:
    input:
        examples=RUN.path("{study}", "examples.h5"),
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
        declared=lambda wc: RUN.studies[wc.study]["features"],
        gc=RUN.config["scoring"]["gc"],
        names=lambda wc: motif_names(RUN.studies[wc.study]),
        code=code_digest("scripts/locate_features.py"),
    script:
        "../scripts/locate_features.py"
