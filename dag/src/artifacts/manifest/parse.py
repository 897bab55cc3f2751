"""Reads artifacts as tools around dbt do: python parse.py MANIFEST RUN_RESULTS."""

import json
import sys

from dbt_artifacts_parser.parser import parse_manifest_v12, parse_run_results_v6

manifest = parse_manifest_v12(json.load(open(sys.argv[1])))
results = parse_run_results_v6(json.load(open(sys.argv[2])))
known = set(manifest.nodes) | set(manifest.sources) | set(manifest.unit_tests)
for name, mapping in (("parent_map", manifest.parent_map), ("child_map", manifest.child_map)):
    dangling = {other for others in mapping.values() for other in others} - known
    assert not dangling, f"{name} leads to {dangling}"
    assert set(mapping) == known, f"{name} lacks {known - set(mapping)}"
for node in list(manifest.nodes.values()) + list(manifest.unit_tests.values()):
    depends_on = getattr(node, "depends_on", None)
    dangling = set(getattr(depends_on, "nodes", None) or []) - known
    assert not dangling, f"{node.unique_id} depends on {dangling}"
print(len(manifest.nodes), len(manifest.sources), len(manifest.unit_tests), len(results.results))
