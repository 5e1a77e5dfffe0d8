"""Standard-library foundations that every room may import."""
