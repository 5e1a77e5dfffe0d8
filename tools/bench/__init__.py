"""Figures as ratios to a floor measured in the same run: `python -m tools.bench` (docs/performance.md)."""
