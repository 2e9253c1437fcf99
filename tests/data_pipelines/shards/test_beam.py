"""The same shards through Apache Beam; `make test-beam` runs this in an environment of its own."""

import os
import sys

import pytest
import shard_table

from data_pipelines.formats.shard import INDEX, PLAN
from data_pipelines.shards.beam import prepare_with_beam


@pytest.fixture
def rows(tmp_path):
    return shard_table.write_table(tmp_path)


# Beam 2.77 imports what protobuf and Python have deprecated, and leaves the pipes of its workers to the collector.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_two_workers_write_the_same_shards(rows, tmp_path, monkeypatch):
    pytest.importorskip("apache_beam", reason='Apache Beam is not installed: make test-beam, or "mmkeras[beam]"')
    # Workers are processes of their own, which import the modalities.
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
    (tmp_path / "4.wav").write_bytes(b"no sound")
    alone, spread = (shard_table.pipeline(on_bad="mask") for _ in range(2))
    one = alone.prepare(rows, tmp_path / "alone", rows_per_shard=3)
    two = prepare_with_beam(spread, rows, tmp_path / "spread", workers=2, rows_per_shard=3)
    assert one == two and spread.problems.counts() == alone.problems.counts() == {"masked": {"voice": 1}, "dropped": 0}
    shards = [sorted((tmp_path / folder).glob("table-rows*")) for folder in ("alone", "spread")]
    assert [path.read_bytes() for path in shards[0]] == [path.read_bytes() for path in shards[1]] and len(
        shards[0]
    ) == 4
    assert (tmp_path / "spread" / INDEX).exists() and not (tmp_path / "spread" / PLAN).exists()


def test_beam_is_asked_for(rows, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    with pytest.raises(ImportError, match=r'Apache Beam is not installed\. Do: pip install "mmkeras\[beam\]"'):
        prepare_with_beam(shard_table.pipeline(), rows, tmp_path / "out")


def test_workers_must_be_some(rows, tmp_path):
    pytest.importorskip("apache_beam", reason='Apache Beam is not installed: make test-beam, or "mmkeras[beam]"')
    with pytest.raises(ValueError, match=r"workers must be > 0\. Received: workers=0"):
        prepare_with_beam(shard_table.pipeline(), rows, tmp_path / "out", workers=0)
