"""Media decoded once and written to shards, on one machine or by Beam."""
