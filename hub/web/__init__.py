"""Thin delivery for people and programs: Flask over the same operations."""
