"""Changing many products at once: a rule, its preview, and a job over a selection that was fixed at the start."""
