# Raw inputs, the same names and formats whatever their origin.

if RUN.config["inputs"] == "synthetic":

    rule simulate_sequences:
        output:
            sequences=RUN.path("inputs", "embedded_motifs", "sequences.fa.gz"),
            labels=RUN.path("inputs", "embedded_motifs", "labels.txt.gz"),
            embeddings=RUN.path("inputs", "embedded_motifs", "embeddings.tsv.gz"),
        log:
            RUN.path("logs", "simulate_sequences.log"),
        benchmark:
            RUN.path("benchmarks", "simulate_sequences.tsv")
        conda:
            "../../envs/dfim.yaml"
        threads: 1
        resources:
            mem_mb=lambda wc, attempt: 700 * attempt,
            runtime=10,
        params:
            simulation={
                **RUN.config["simulation"],
                "motifs": dict(RUN.config["simulation"]["motifs"]),
            },
            seed=RUN.seed("simulate_sequences"),
            code=code_digest("scripts/simulate_sequences.py"),
        script:
            "../scripts/simulate_sequences.py"

else:

    rule place_local_inputs:
        input:
            source_sequences=f"{RUN.config['local_folder']}/sequences.fa.gz",
            source_labels=f"{RUN.config['local_folder']}/labels.txt.gz",
        output:
            sequences=RUN.path("inputs", "embedded_motifs", "sequences.fa.gz"),
            labels=RUN.path("inputs", "embedded_motifs", "labels.txt.gz"),
        log:
            RUN.path("logs", "place_local_inputs.log"),
        localrule: True
        conda:
            "../../envs/dfim.yaml"
        threads: 1
        resources:
            mem_mb=lambda wc, attempt: 300 * attempt,
            runtime=5,
        params:
            code=code_digest("scripts/place_local_inputs.py"),
        script:
            "../scripts/place_local_inputs.py"
