"""Completeness and lint: what a product lacks, and what a channel would object to, before it is sent anywhere."""
