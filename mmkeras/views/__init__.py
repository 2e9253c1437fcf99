"""What people see of each modality: examples, evidence, corruptions, tallies."""
