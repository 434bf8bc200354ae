# The paper's numbers beside ours, and one page with everything.
from flow.run.context import performance_context

PAGE_TEMPLATES = [
    f"{workflow.basedir}/report/{name}"
    for name in ("page.html.j2", "parts.html.j2", "page.css", "page.js")
]


rule record_performance:
    input:
        examples=RUN.path("{study}", "examples.h5"),
        metrics=RUN.path("{study}", "model", "metrics.json"),
    output:
        stats=RUN.path("stats", "performance_{study}.json"),
    log:
        RUN.path("logs", "{study}", "record_performance.log"),
    wildcard_constraints:
        study="|".join(RUN.without_page()) or "no_study",
    localrule: True
    conda:
        "../../envs/dfim.yaml"
    threads: 1
    resources:
        mem_mb=lambda wc, attempt: 500 * attempt,
        runtime=5,
    params:
        context=lambda wc: performance_context(RUN, wc.study).as_param(),
        code=code_digest("scripts/record_performance.py"),
    script:
        "../scripts/record_performance.py"


rule make_scorecard:
    input:
        stats=RUN.statistics(),
        templates=[*PAGE_TEMPLATES, f"{workflow.basedir}/report/scorecard.html.j2"],
    output:
        table=RUN.path("scorecard.tsv"),
        page_file=RUN.path("scorecard.html"),
    log:
        RUN.path("logs", "make_scorecard.log"),
    localrule: True
    conda:
        "../../envs/dfim.yaml"
    threads: 1
    resources:
        mem_mb=lambda wc, attempt: 300 * attempt,
        runtime=5,
    params:
        run=RUN.name,
        figures=list(RUN.figures),
        code=code_digest("scripts/make_scorecard.py"),
    script:
        "../scripts/make_scorecard.py"


rule make_report:
    input:
        figures=expand(RUN.path("figures", "{figure}.svg"), figure=RUN.figures),
        stats=RUN.statistics(),
        captions=[
            f"{workflow.basedir}/report/{figure.kind}.rst"
            for figure in RUN.figures.values()
        ],
        templates=[*PAGE_TEMPLATES, f"{workflow.basedir}/report/report.html.j2"],
        scorecard=rules.make_scorecard.output.table,
    output:
        report=RUN.path("report.html"),
    log:
        RUN.path("logs", "make_report.log"),
    localrule: True
    conda:
        "../../envs/dfim.yaml"
    threads: 1
    resources:
        mem_mb=lambda wc, attempt: 500 * attempt,
        runtime=5,
    params:
        run=RUN.name,
        code=code_digest("scripts/make_report.py"),
    script:
        "../scripts/make_report.py"
