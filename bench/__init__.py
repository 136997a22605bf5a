"""Benchmarks: modelsweep, its peers and SHA-256 side by side over the same files. Developers only, Linux only."""
