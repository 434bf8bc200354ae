# One rule and one script a kind of figure; a study's declaration says which it draws.


def figure_study(wildcards):
    """The declaration of the study that a figure belongs to."""
    return RUN.studies[RUN.figures[wildcards.figure].study]


def study_path(wildcards, *parts):
    """A file of the study that a figure belongs to."""
    return RUN.path(RUN.figures[wildcards.figure].study, *parts)


def analysis_path(wildcards, *parts):
    """A file of the analysis that a figure shows."""
    return study_path(wildcards, RUN.figures[wildcards.figure].analysis, *parts)


rule draw_map_steps:
    input:
        interaction_map=lambda wc: study_path(wc, "map", "map.h5"),
        window=lambda wc: study_path(wc, "map", "window.json"),
    output:
        svg=report(
            RUN.path("figures", "{figure}.svg"),
            caption="../report/map_steps.rst",
            category=lambda wc: figure_study(wc)["title"],
            labels=lambda wc: {"figure": RUN.context(wc.figure)["label"]},
        ),
        pdf=RUN.path("figures", "{figure}.pdf"),
        png=RUN.path("figures", "{figure}.png"),
        table=RUN.path("tables", "{figure}.tsv"),
        stats=RUN.path("stats", "{figure}.json"),
    log:
        RUN.path("logs", "figures", "{figure}.log"),
    wildcard_constraints:
        figure="|".join(RUN.figures_of("map_steps")) or "no_figure",
    localrule: True
    conda:
        "../../envs/dfim.yaml"
    threads: 1
    resources:
        mem_mb=lambda wc, attempt: 700 * attempt,
        runtime=10,
    params:
        source=lambda wc: figure_study(wc)["map"]["source"],
        context=lambda wc: RUN.context(wc.figure),
        code=code_digest("scripts/figures/map_steps.py"),
    script:
        "../scripts/figures/map_steps.py"


rule draw_simulation_design:
    input:
        examples=lambda wc: study_path(wc, "examples.h5"),
        features=lambda wc: study_path(wc, "features.tsv.gz"),
    output:
        svg=report(
            RUN.path("figures", "{figure}.svg"),
            caption="../report/simulation_design.rst",
            category=lambda wc: figure_study(wc)["title"],
            labels=lambda wc: {"figure": RUN.context(wc.figure)["label"]},
        ),
        pdf=RUN.path("figures", "{figure}.pdf"),
        png=RUN.path("figures", "{figure}.png"),
        table=RUN.path("tables", "{figure}.tsv"),
        stats=RUN.path("stats", "{figure}.json"),
    log:
        RUN.path("logs", "figures", "{figure}.log"),
    wildcard_constraints:
        figure="|".join(RUN.figures_of("simulation_design")) or "no_figure",
    localrule: True
    conda:
        "../../envs/dfim.yaml"
    threads: 1
    resources:
        mem_mb=lambda wc, attempt: 700 * attempt,
        runtime=10,
    params:
        context=lambda wc: RUN.context(wc.figure),
        code=code_digest("scripts/figures/simulation_design.py"),
    script:
        "../scripts/figures/simulation_design.py"


rule draw_pair_scores:
    input:
        pairs=lambda wc: analysis_path(wc, "pairs.h5"),
        summary=lambda wc: analysis_path(wc, "summary.json"),
    output:
        svg=report(
            RUN.path("figures", "{figure}.svg"),
            caption="../report/pair_scores.rst",
            category=lambda wc: figure_study(wc)["title"],
            labels=lambda wc: {"figure": RUN.context(wc.figure)["label"]},
        ),
        pdf=RUN.path("figures", "{figure}.pdf"),
        png=RUN.path("figures", "{figure}.png"),
        table=RUN.path("tables", "{figure}.tsv"),
        stats=RUN.path("stats", "{figure}.json"),
    log:
        RUN.path("logs", "figures", "{figure}.log"),
    wildcard_constraints:
        figure="|".join(RUN.figures_of("pair_scores")) or "no_figure",
    localrule: True
    conda:
        "../../envs/dfim.yaml"
    threads: 1
    resources:
        mem_mb=lambda wc, attempt: 700 * attempt,
        runtime=10,
    params:
        planted=lambda wc: figure_study(wc).get("planted", []),
        seed=lambda wc: RUN.seed("draw_pair_scores", wc.figure),
        context=lambda wc: RUN.context(wc.figure),
        code=code_digest("scripts/figures/pair_scores.py"),
    script:
        "../scripts/figures/pair_scores.py"


rule draw_pair_significance:
    input:
        pairs=lambda wc: analysis_path(wc, "pairs.h5"),
        calls=lambda wc: analysis_path(wc, "calls.tsv"),
    output:
        svg=report(
            RUN.path("figures", "{figure}.svg"),
            caption="../report/pair_significance.rst",
            category=lambda wc: figure_study(wc)["title"],
            labels=lambda wc: {"figure": RUN.context(wc.figure)["label"]},
        ),
        pdf=RUN.path("figures", "{figure}.pdf"),
        png=RUN.path("figures", "{figure}.png"),
        table=RUN.path("tables", "{figure}.tsv"),
        stats=RUN.path("stats", "{figure}.json"),
    log:
        RUN.path("logs", "figures", "{figure}.log"),
    wildcard_constraints:
        figure="|".join(RUN.figures_of("pair_significance")) or "no_figure",
    localrule: True
    conda:
        "../../envs/dfim.yaml"
    threads: 1
    resources:
        mem_mb=lambda wc, attempt: 700 * attempt,
        runtime=10,
    params:
        value=lambda wc: RUN.figures[wc.figure].value,
        planted=lambda wc: figure_study(wc).get("planted", []),
        unrelated=lambda wc: figure_study(wc).get("unrelated", []),
        settings=lambda wc: RUN.analysis(
            RUN.figures[wc.figure].study, RUN.figures[wc.figure].analysis
        ),
        context=lambda wc: RUN.context(wc.figure),
        code=code_digest("scripts/figures/pair_significance.py"),
    script:
        "../scripts/figures/pair_significance.py"


rule draw_training_curve:
    input:
        history=lambda wc: study_path(wc, "model", "history.tsv"),
        metrics=lambda wc: study_path(wc, "model", "metrics.json"),
    output:
        svg=report(
            RUN.path("figures", "{figure}.svg"),
            caption="../report/training_curve.rst",
            category=lambda wc: figure_study(wc)["title"],
            labels=lambda wc: {"figure": RUN.context(wc.figure)["label"]},
        ),
        pdf=RUN.path("figures", "{figure}.pdf"),
        png=RUN.path("figures", "{figure}.png"),
        table=RUN.path("tables", "{figure}.tsv"),
        stats=RUN.path("stats", "{figure}.json"),
    log:
        RUN.path("logs", "figures", "{figure}.log"),
    wildcard_constraints:
        figure="|".join(RUN.figures_of("training_curve")) or "no_figure",
    localrule: True
    conda:
        "../../envs/dfim.yaml"
    threads: 1
    resources:
        mem_mb=lambda wc, attempt: 700 * attempt,
        runtime=10,
    params:
        context=lambda wc: RUN.context(wc.figure),
        code=code_digest("scripts/figures/training_curve.py"),
    script:
        "../scripts/figures/training_curve.py"
