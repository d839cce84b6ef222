"""schema.py SCHEMA FILE...: whether each topology is valid by the JSON schema; one line each.

YAML is read as an editor would: 1.1, variables as they stand in the file."""
import json
import sys

import jsonschema
import yaml

with open(sys.argv[1], encoding="utf-8") as f:
    schema = json.load(f)
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
for path in sys.argv[2:]:
    with open(path, encoding="utf-8") as f:
        topology = yaml.safe_load(f)
    error = jsonschema.exceptions.best_match(validator.iter_errors(topology))
    print(f"{path}: {'valid' if error is None else 'not valid: ' + error.message.splitlines()[0][:200]}")
