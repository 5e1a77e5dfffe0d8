"""The suite. A package so that `tests.support` can be imported from every test."""
