# One rule a kind of figure, each made from its declaration in flow/run/figure_kinds.py;
# a study's declaration says which figures it draws.
from flow.run.context import figure_context
from flow.run.figure_kinds import FIGURE_KINDS, asked_of
from flow.run.wording import figure_label

for kind in FIGURE_KINDS:

    rule:
        name:
            f"draw_{kind.name}"
        input:
            unpack(asked_of(RUN, kind.inputs)),
        output:
            svg=report(
                RUN.path("figures", "{figure}.svg"),
                caption=f"../{kind.caption}",
                category=lambda wc: figure_context(RUN, wc.figure).study_title,
                labels=lambda wc: {"figure": figure_label(wc.figure)},
            ),
            pdf=RUN.path("figures", "{figure}.pdf"),
            png=RUN.path("figures", "{figure}.png"),
            table=RUN.path("tables", "{figure}.tsv"),
            stats=RUN.path("stats", "{figure}.json"),
        log:
            RUN.path("logs", "figures", "{figure}.log"),
        wildcard_constraints:
            figure="|".join(RUN.figures_of(kind.name)) or "no_figure",
        localrule: True
        conda:
            "../../envs/dfim.yaml"
        threads: 1
        resources:
            mem_mb=lambda wc, attempt, first=kind.mem_mb: first * attempt,
            runtime=10,
        params:
            **{name: asked_of(RUN, value) for name, value in kind.params.items()},
            context=lambda wc: figure_context(RUN, wc.figure).as_param(),
            kind=kind.name,
            code=code_digest(kind.script),
        script:
            # Evaluated when a job runs, after the loop: so not an f-string of `kind`.
            "../scripts/figures/{params.kind}.py"
