"""The same shards through Apache Beam, for tables that one machine would take too long for."""

from data_pipelines.batches.bad_cells import checked_policy
from data_pipelines.files.held_folder import held_folder
from data_pipelines.shards.prepare import ShardJob, counted

TASKS = 4  # stretches of shards a worker


def prepare_with_beam(pipe, rows, folder, beam_options=(), workers=2, on_bad=None, **options):
    """Does what `Pipeline.prepare` does, spread over Beam workers; the shards are the same, byte for byte.

    Every worker reads the table itself, and streams it to its stretch of shards; the table, its media and the folder
    must be where all workers reach them. Shards that are finished are kept, as in `Pipeline.prepare`.

    Args:
        pipe: `Pipeline`.
        rows: `Rows`.
        folder: path, new or begun before.
        beam_options: list of Beam's own flags, such as `["--runner=FlinkRunner", …]`. Defaults to `()`: Beam's
            DirectRunner, with so many processes of this machine as `workers`.
        workers: int > 0. Workers to cut the work for. Defaults to `2`.
        on_bad: None or a policy, see `Pipeline`. Defaults to `None`: the pipeline's.
        options: `file_format` and `rows_per_shard`, see `data_pipelines.shards.prepare.prepare`.
    Returns:
        dict, JSON-ready: the index of the shards.
    Raises:
        ValueError: as `Pipeline.prepare`; while workers run, Beam wraps it in an error of its own.
        ImportError: Apache Beam is not installed.
    Example:
        >>> prepare_with_beam(pipe, read_table("/mnt/shared/clips.parquet"), "/mnt/shared/shards", workers=2)
    """
    try:
        import apache_beam as beam
        from apache_beam.options.pipeline_options import PipelineOptions
    except ImportError as error:
        raise ImportError(
            "prepare_with_beam: Apache Beam is not installed. Do: pip install "
            '"mmkeras[beam]", in an environment of its own: it wants older protobuf and pyarrow.'
        ) from error
    if workers < 1:
        raise ValueError(f"prepare_with_beam: workers must be > 0. Received: workers={workers}. Do: workers=2.")
    job = ShardJob(rows, pipe.inputs, folder, on_bad=checked_policy(on_bad or pipe.on_bad), **options)
    local = ["--runner=DirectRunner", "--direct_running_mode=multi_processing", f"--direct_num_workers={workers}"]
    with held_folder("prepare_with_beam", folder):
        job.begin()
        with beam.Pipeline(options=PipelineOptions(list(beam_options) or local)) as graph:
            stretches = graph | "Stretches" >> beam.Create(_stretches(job.count, TASKS * workers))
            _ = stretches | "Spread" >> beam.Reshuffle() | "Write" >> beam.Map(_run, job)
        return counted(job.finish(), pipe.problems)


def _run(stretch, job):
    job.run(range(*stretch))


def _stretches(count, most):
    """So many pairs (first, behind the last) that cut `count` shards into parts of like length."""
    parts = min(count, most)
    return [(count * part // parts, count * (part + 1) // parts) for part in range(parts)]
