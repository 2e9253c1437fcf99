"""Quiet logs, one seed for every test, and a cache for what JAX compiles."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Programs of a few numbers: compiling them is all the time they take.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")

import keras
import pytest


@pytest.fixture(autouse=True)
def _seed():
    keras.utils.set_random_seed(0)


@pytest.fixture(autouse=True, scope="session")
def _compile_once(tmp_path_factory):
    if keras.backend.backend() == "jax":
        import jax

        jax.config.update("jax_compilation_cache_dir", str(tmp_path_factory.mktemp("jax")))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
