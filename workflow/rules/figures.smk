# One rule and one script a kind of figure; a study's declaration says which it draws.
from flow.run.context import figure_context
from flow.run.figure_inputs import contrast_title, distance_files, variant_files
from flow.run.wording import figure_label


rule draw_map_steps:
    input:
        interaction_map=lambda wc: RUN.file_of(wc.figure, "map", "map.h5"),
        window=lambda wc: RUN.file_of(wc.figure, "map", "window.json"),
    output:
        svg=report(
            RUN.path("figures", "{figure}.svg"),
            caption="../report/map_steps.rst",
            category=lambda wc: RUN.declaration_of(wc.figure)["title"],
            labels=lambda wc: {"figure": figure_label(wc.figure)},
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
        source=lambda wc: RUN.declaration_of(wc.figure)["map"]["source"],
        context=lambda wc: figure_context(RUN, wc.figure).as_param(),
        code=code_digest("scripts/figures/map_steps.py"),
    script:
        "../scripts/figures/map_steps.py"


rule draw_simulation_design:
    input:
        examples=lambda wc: RUN.file_of(wc.figure, "examples.h5"),
        features=lambda wc: RUN.file_of(wc.figure, "features.tsv.gz"),
    output:
        svg=report(
            RUN.path("figures", "{figure}.svg"),
            caption="../report/simulation_design.rst",
            category=lambda wc: RUN.declaration_of(wc.figure)["title"],
            labels=lambda wc: {"figure": figure_label(wc.figure)},
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
        context=lambda wc: figure_context(RUN, wc.figure).as_param(),
        code=code_digest("scripts/figures/simulation_design.py"),
    script:
        "../scripts/figures/simulation_design.py"


rule draw_pair_scores:
    input:
        pairs=lambda wc: RUN.analysis_file_of(wc.figure, "pairs.h5"),
        summary=lambda wc: RUN.analysis_file_of(wc.figure, "summary.json"),
    output:
        svg=report(
            RUN.path("figures", "{figure}.svg"),
            caption="../report/pair_scores.rst",
            category=lambda wc: RUN.declaration_of(wc.figure)["title"],
            labels=lambda wc: {"figure": figure_label(wc.figure)},
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
        planted=lambda wc: RUN.declaration_of(wc.figure).get("planted", []),
        unrelated=lambda wc: RUN.declaration_of(wc.figure).get("unrelated", []),
        seed=lambda wc: RUN.seed("draw_pair_scores", wc.figure),
        context=lambda wc: figure_context(RUN, wc.figure).as_param(),
        code=code_digest("scripts/figures/pair_scores.py"),
    script:
        "../scripts/figures/pair_scores.py"


rule draw_pair_significance:
    input:
        pairs=lambda wc: RUN.analysis_file_of(wc.figure, "pairs.h5"),
        calls=lambda wc: RUN.analysis_file_of(wc.figure, "calls.tsv"),
    output:
        svg=report(
            RUN.path("figures", "{figure}.svg"),
            caption="../report/pair_significance.rst",
            category=lambda wc: RUN.declaration_of(wc.figure)["title"],
            labels=lambda wc: {"figure": figure_label(wc.figure)},
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
        planted=lambda wc: RUN.declaration_of(wc.figure).get("planted", []),
        unrelated=lambda wc: RUN.declaration_of(wc.figure).get("unrelated", []),
        settings=lambda wc: RUN.analysis(
            RUN.figures[wc.figure].study, RUN.figures[wc.figure].analysis
        ),
        context=lambda wc: figure_context(RUN, wc.figure).as_param(),
        code=code_digest("scripts/figures/pair_significance.py"),
    script:
        "../scripts/figures/pair_significance.py"


rule draw_performance:
    input:
        history=lambda wc: (
            [RUN.file_of(wc.figure, "model", "history.tsv")]
            if RUN.figures[wc.figure].study in RUN.trained()
            else []
        ),
        examples=lambda wc: RUN.file_of(wc.figure, "examples.h5"),
        predictions=lambda wc: RUN.file_of(wc.figure, "model", "predictions.h5"),
        metrics=lambda wc: RUN.file_of(wc.figure, "model", "metrics.json"),
    output:
        svg=report(
            RUN.path("figures", "{figure}.svg"),
            caption="../report/performance.rst",
            category=lambda wc: RUN.declaration_of(wc.figure)["title"],
            labels=lambda wc: {"figure": figure_label(wc.figure)},
        ),
        pdf=RUN.path("figures", "{figure}.pdf"),
        png=RUN.path("figures", "{figure}.png"),
        table=RUN.path("tables", "{figure}.tsv"),
        stats=RUN.path("stats", "{figure}.json"),
    log:
        RUN.path("logs", "figures", "{figure}.log"),
    wildcard_constraints:
        figure="|".join(RUN.figures_of("performance")) or "no_figure",
    localrule: True
    conda:
        "../../envs/dfim.yaml"
    threads: 1
    resources:
        mem_mb=lambda wc, attempt: 700 * attempt,
        runtime=10,
    params:
        context=lambda wc: figure_context(RUN, wc.figure).as_param(),
        code=code_digest("scripts/figures/performance.py"),
    script:
        "../scripts/figures/performance.py"


rule draw_pair_tracks:
    input:
        tracks=lambda wc: RUN.analysis_file_of(wc.figure, f"tracks/{wc.figure}.h5"),
    output:
        svg=report(
            RUN.path("figures", "{figure}.svg"),
            caption="../report/pair_tracks.rst",
            category=lambda wc: RUN.declaration_of(wc.figure)["title"],
            labels=lambda wc: {"figure": figure_label(wc.figure)},
        ),
        pdf=RUN.path("figures", "{figure}.pdf"),
        png=RUN.path("figures", "{figure}.png"),
        table=RUN.path("tables", "{figure}.tsv"),
        stats=RUN.path("stats", "{figure}.json"),
    log:
        RUN.path("logs", "figures", "{figure}.log"),
    wildcard_constraints:
        figure="|".join(RUN.figures_of("pair_tracks")) or "no_figure",
    localrule: True
    conda:
        "../../envs/dfim.yaml"
    threads: 1
    resources:
        mem_mb=lambda wc, attempt: 1000 * attempt,
        runtime=10,
    params:
        context=lambda wc: figure_context(RUN, wc.figure).as_param(),
        code=code_digest("scripts/figures/pair_tracks.py"),
    script:
        "../scripts/figures/pair_tracks.py"


rule draw_pair_distance:
    input:
        unpack(lambda wc: distance_files(RUN, wc.figure)),
    output:
        svg=report(
            RUN.path("figures", "{figure}.svg"),
            caption="../report/pair_distance.rst",
            category=lambda wc: RUN.declaration_of(wc.figure)["title"],
            labels=lambda wc: {"figure": figure_label(wc.figure)},
        ),
        pdf=RUN.path("figures", "{figure}.pdf"),
        png=RUN.path("figures", "{figure}.png"),
        table=RUN.path("tables", "{figure}.tsv"),
        stats=RUN.path("stats", "{figure}.json"),
    log:
        RUN.path("logs", "figures", "{figure}.log"),
    wildcard_constraints:
        figure="|".join(RUN.figures_of("pair_distance")) or "no_figure",
    localrule: True
    conda:
        "../../envs/dfim.yaml"
    threads: 1
    resources:
        mem_mb=lambda wc, attempt: 1000 * attempt,
        runtime=10,
    params:
        bins=lambda wc: RUN.options_of(wc.figure)["bins"],
        task=lambda wc: RUN.analysis(
            RUN.figures[wc.figure].study, RUN.figures[wc.figure].analysis
        )["task"],
        contrast_title=lambda wc: contrast_title(RUN, wc.figure),
        seed=lambda wc: RUN.seed("draw_pair_distance", wc.figure),
        context=lambda wc: figure_context(RUN, wc.figure).as_param(),
        code=code_digest("scripts/figures/pair_distance.py"),
    script:
        "../scripts/figures/pair_distance.py"


rule draw_variant_groups:
    input:
        results=lambda wc: variant_files(RUN, wc.figure)["results"],
        compared=lambda wc: variant_files(RUN, wc.figure)["compared"],
        truth=lambda wc: variant_files(RUN, wc.figure)["truth"],
    output:
        svg=report(
            RUN.path("figures", "{figure}.svg"),
            caption="../report/variant_groups.rst",
            category=lambda wc: RUN.declaration_of(wc.figure)["title"],
            labels=lambda wc: {"figure": figure_label(wc.figure)},
        ),
        pdf=RUN.path("figures", "{figure}.pdf"),
        png=RUN.path("figures", "{figure}.png"),
        table=RUN.path("tables", "{figure}.tsv"),
        stats=RUN.path("stats", "{figure}.json"),
    log:
        RUN.path("logs", "figures", "{figure}.log"),
    wildcard_constraints:
        figure="|".join(RUN.figures_of("variant_groups")) or "no_figure",
    localrule: True
    conda:
        "../../envs/dfim.yaml"
    threads: 1
    resources:
        mem_mb=lambda wc, attempt: 1000 * attempt,
        runtime=10,
    params:
        seed=lambda wc: RUN.seed("draw_variant_groups", wc.figure),
        context=lambda wc: figure_context(RUN, wc.figure).as_param(),
        code=code_digest("scripts/figures/variant_groups.py"),
    script:
        "../scripts/figures/variant_groups.py"


rule draw_variant_reach:
    input:
        results=lambda wc: variant_files(RUN, wc.figure)["results"],
    output:
        svg=report(
            RUN.path("figures", "{figure}.svg"),
            caption="../report/variant_reach.rst",
            category=lambda wc: RUN.declaration_of(wc.figure)["title"],
            labels=lambda wc: {"figure": figure_label(wc.figure)},
        ),
        pdf=RUN.path("figures", "{figure}.pdf"),
        png=RUN.path("figures", "{figure}.png"),
        table=RUN.path("tables", "{figure}.tsv"),
        stats=RUN.path("stats", "{figure}.json"),
    log:
        RUN.path("logs", "figures", "{figure}.log"),
    wildcard_constraints:
        figure="|".join(RUN.figures_of("variant_reach")) or "no_figure",
    localrule: True
    conda:
        "../../envs/dfim.yaml"
    threads: 1
    resources:
        mem_mb=lambda wc, attempt: 1000 * attempt,
        runtime=10,
    params:
        context=lambda wc: figure_context(RUN, wc.figure).as_param(),
        code=code_digest("scripts/figures/variant_reach.py"),
    script:
        "../scripts/figures/variant_reach.py"


rule draw_variant_tracks:
    input:
        panels=lambda wc: variant_files(RUN, wc.figure)["panels"],
    output:
        svg=report(
            RUN.path("figures", "{figure}.svg"),
            caption="../report/variant_tracks.rst",
            category=lambda wc: RUN.declaration_of(wc.figure)["title"],
            labels=lambda wc: {"figure": figure_label(wc.figure)},
        ),
        pdf=RUN.path("figures", "{figure}.pdf"),
        png=RUN.path("figures", "{figure}.png"),
        table=RUN.path("tables", "{figure}.tsv"),
        stats=RUN.path("stats", "{figure}.json"),
    log:
        RUN.path("logs", "figures", "{figure}.log"),
    wildcard_constraints:
        figure="|".join(RUN.figures_of("variant_tracks")) or "no_figure",
    localrule: True
    conda:
        "../../envs/dfim.yaml"
    threads: 1
    resources:
        mem_mb=lambda wc, attempt: 1000 * attempt,
        runtime=10,
    params:
        context=lambda wc: figure_context(RUN, wc.figure).as_param(),
        code=code_digest("scripts/figures/variant_tracks.py"),
    script:
        "../scripts/figures/variant_tracks.py"


rule draw_network_layers:
    input:
        layers=lambda wc: RUN.file_of(wc.figure, "flanks", "layers.tsv"),
        metrics=lambda wc: RUN.file_of(wc.figure, "flanks", "metrics.json"),
    output:
        svg=report(
            RUN.path("figures", "{figure}.svg"),
            caption="../report/network_layers.rst",
            category=lambda wc: RUN.declaration_of(wc.figure)["title"],
            labels=lambda wc: {"figure": figure_label(wc.figure)},
        ),
        pdf=RUN.path("figures", "{figure}.pdf"),
        png=RUN.path("figures", "{figure}.png"),
        table=RUN.path("tables", "{figure}.tsv"),
        stats=RUN.path("stats", "{figure}.json"),
    log:
        RUN.path("logs", "figures", "{figure}.log"),
    wildcard_constraints:
        figure="|".join(RUN.figures_of("network_layers")) or "no_figure",
    localrule: True
    conda:
        "../../envs/dfim.yaml"
    threads: 1
    resources:
        mem_mb=lambda wc, attempt: 700 * attempt,
        runtime=10,
    params:
        context=lambda wc: figure_context(RUN, wc.figure).as_param(),
        code=code_digest("scripts/figures/network_layers.py"),
    script:
        "../scripts/figures/network_layers.py"


rule draw_flank_fit:
    input:
        measurements=lambda wc: RUN.file_of(wc.figure, "flanks", "measurements.h5"),
        predictions=lambda wc: RUN.file_of(wc.figure, "flanks", "predictions.h5"),
        metrics=lambda wc: RUN.file_of(wc.figure, "flanks", "metrics.json"),
        history=lambda wc: RUN.flanks(RUN.figures[wc.figure].study).history(),
        truth=lambda wc: RUN.flanks(RUN.figures[wc.figure].study).truth()["truth"],
    output:
        svg=report(
            RUN.path("figures", "{figure}.svg"),
            caption="../report/flank_fit.rst",
            category=lambda wc: RUN.declaration_of(wc.figure)["title"],
            labels=lambda wc: {"figure": figure_label(wc.figure)},
        ),
        pdf=RUN.path("figures", "{figure}.pdf"),
        png=RUN.path("figures", "{figure}.png"),
        table=RUN.path("tables", "{figure}.tsv"),
        stats=RUN.path("stats", "{figure}.json"),
    log:
        RUN.path("logs", "figures", "{figure}.log"),
    wildcard_constraints:
        figure="|".join(RUN.figures_of("flank_fit")) or "no_figure",
    localrule: True
    conda:
        "../../envs/dfim.yaml"
    threads: 1
    resources:
        mem_mb=lambda wc, attempt: 1000 * attempt,
        runtime=10,
    params:
        context=lambda wc: figure_context(RUN, wc.figure).as_param(),
        code=code_digest("scripts/figures/flank_fit.py"),
    script:
        "../scripts/figures/flank_fit.py"


rule draw_flank_map:
    input:
        factorial=lambda wc: RUN.flank_file_of(wc.figure, "factorial.h5"),
        chosen=lambda wc: RUN.file_of(wc.figure, "flanks", "chosen.h5"),
    output:
        svg=report(
            RUN.path("figures", "{figure}.svg"),
            caption="../report/flank_map.rst",
            category=lambda wc: RUN.declaration_of(wc.figure)["title"],
            labels=lambda wc: {"figure": figure_label(wc.figure)},
        ),
        pdf=RUN.path("figures", "{figure}.pdf"),
        png=RUN.path("figures", "{figure}.png"),
        table=RUN.path("tables", "{figure}.tsv"),
        stats=RUN.path("stats", "{figure}.json"),
    log:
        RUN.path("logs", "figures", "{figure}.log"),
    wildcard_constraints:
        figure="|".join(RUN.figures_of("flank_map")) or "no_figure",
    localrule: True
    conda:
        "../../envs/dfim.yaml"
    threads: 1
    resources:
        mem_mb=lambda wc, attempt: 1500 * attempt,
        runtime=10,
    params:
        context=lambda wc: figure_context(RUN, wc.figure).as_param(),
        code=code_digest("scripts/figures/flank_map.py"),
    script:
        "../scripts/figures/flank_map.py"


rule draw_base_pair_map:
    input:
        all=lambda wc: RUN.flank_file_of(wc.figure, "maps.all.h5"),
        strongest=lambda wc: RUN.flank_file_of(wc.figure, "maps.strongest.h5"),
        weakest=lambda wc: RUN.flank_file_of(wc.figure, "maps.weakest.h5"),
        terms=lambda wc: RUN.flanks(RUN.figures[wc.figure].study).truth()["terms"],
    output:
        svg=report(
            RUN.path("figures", "{figure}.svg"),
            caption="../report/base_pair_map.rst",
            category=lambda wc: RUN.declaration_of(wc.figure)["title"],
            labels=lambda wc: {"figure": figure_label(wc.figure)},
        ),
        pdf=RUN.path("figures", "{figure}.pdf"),
        png=RUN.path("figures", "{figure}.png"),
        table=RUN.path("tables", "{figure}.tsv"),
        stats=RUN.path("stats", "{figure}.json"),
    log:
        RUN.path("logs", "figures", "{figure}.log"),
    wildcard_constraints:
        figure="|".join(RUN.figures_of("base_pair_map")) or "no_figure",
    localrule: True
    conda:
        "../../envs/dfim.yaml"
    threads: 1
    resources:
        mem_mb=lambda wc, attempt: 700 * attempt,
        runtime=10,
    params:
        min_n=lambda wc: RUN.flanks(RUN.figures[wc.figure].study).settings["min_n"],
        context=lambda wc: figure_context(RUN, wc.figure).as_param(),
        code=code_digest("scripts/figures/base_pair_map.py"),
    script:
        "../scripts/figures/base_pair_map.py"


rule draw_flank_agreement:
    input:
        maps=lambda wc: RUN.flank_file_of(wc.figure, "maps.all.h5"),
        strongest=lambda wc: RUN.flank_file_of(wc.figure, "maps.strongest.h5"),
        linear=lambda wc: RUN.file_of(wc.figure, "flanks", "linear.h5"),
        epistatic=lambda wc: RUN.file_of(wc.figure, "flanks", "epistasis.h5"),
        compared=lambda wc: RUN.flanks(RUN.figures[wc.figure].study).compared(
            RUN.options_of(wc.figure)
        ),
        terms=lambda wc: RUN.flanks(RUN.figures[wc.figure].study).truth()["terms"],
    output:
        svg=report(
            RUN.path("figures", "{figure}.svg"),
            caption="../report/flank_agreement.rst",
            category=lambda wc: RUN.declaration_of(wc.figure)["title"],
            labels=lambda wc: {"figure": figure_label(wc.figure)},
        ),
        pdf=RUN.path("figures", "{figure}.pdf"),
        png=RUN.path("figures", "{figure}.png"),
        table=RUN.path("tables", "{figure}.tsv"),
        stats=RUN.path("stats", "{figure}.json"),
    log:
        RUN.path("logs", "figures", "{figure}.log"),
    wildcard_constraints:
        figure="|".join(RUN.figures_of("flank_agreement")) or "no_figure",
    localrule: True
    conda:
        "../../envs/dfim.yaml"
    threads: 1
    resources:
        mem_mb=lambda wc, attempt: 1000 * attempt,
        runtime=10,
    params:
        min_n=lambda wc: RUN.flanks(RUN.figures[wc.figure].study).settings["min_n"],
        context=lambda wc: figure_context(RUN, wc.figure).as_param(),
        code=code_digest("scripts/figures/flank_agreement.py"),
    script:
        "../scripts/figures/flank_agreement.py"
