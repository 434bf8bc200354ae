# The paper's numbers beside ours, and one page with everything.


rule make_scorecard:
    input:
        stats=expand(RUN.path("stats", "{figure}.json"), figure=RUN.figures),
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
        code=code_digest("scripts/make_scorecard.py"),
    script:
        "../scripts/make_scorecard.py"


rule make_report:
    input:
        figures=expand(RUN.path("figures", "{figure}.svg"), figure=RUN.figures),
        stats=expand(RUN.path("stats", "{figure}.json"), figure=RUN.figures),
        captions=[
            f"{workflow.basedir}/report/{figure.kind}.rst"
            for figure in RUN.figures.values()
        ],
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
