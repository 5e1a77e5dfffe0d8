"""Bytes that live outside the database: kept by their hash, in a folder or an S3 bucket, and fetched safely."""
