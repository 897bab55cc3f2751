"""Grades the verbs on labelled data: the parts of `bench/quality.py`."""
