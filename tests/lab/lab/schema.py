"""What `show schema` promises, compared with what the commands print."""

import json

TYPES = {"text": str, "integer": int, "number": (int, float), "boolean": bool, "list": list, "object": dict}


def schemas(gateway):
    return {s["command"]: {f["path"]: f for f in s["fields"]} for s in gateway.show("schema")["schemas"]}


def faults(fields, value, path=""):
    """Where a value is not what its fields say."""
    field = fields.get(path)
    if path and field is None:
        return [f"{path}: unknown"]
    if path and value is None:
        return [] if field["null"] else [f"{path}: null"]
    if path and (not isinstance(value, TYPES[field["type"]]) or isinstance(value, bool) != (field["type"] == "boolean")):
        return [f"{path}: {value!r} is no {field['type']}"]
    if isinstance(value, list):
        return [fault for item in value for fault in faults(fields, item, f"{path}[]")]
    if not isinstance(value, dict):
        return []
    inside = f"{path}." if path else ""
    if f"{inside}*" in fields:
        return [fault for item in value.values() for fault in faults(fields, item, f"{inside}*")]
    promised = {p for p, f in fields.items()
                if p.startswith(inside) and not set(".[") & set(p[len(inside):]) and not f["optional"]}
    missing = [f"{p}: missing" for p in promised if p[len(inside):] not in value]
    return missing + [fault for key, item in value.items() for fault in faults(fields, item, inside + key)]


def check(gateway, words):
    """Every show, with these words for arguments, is as promised; those that are refused are returned."""
    known, refused, wrong = schemas(gateway), set(), {}
    commands = [c["command"] for c in json.loads(gateway.isthmus("help", "show", json=True).stdout)["commands"]]
    for command in commands:
        assert command in known, f"{command} is not in gateway/schema.c"
        argv = [words.get(word, word) for word in command.split()]
        done = gateway.isthmus(*argv, json=True, check=False)
        if done.returncode == 0:
            wrong[command] = sorted(set(faults(known[command], json.loads(done.stdout))))
        else:
            refused.add(command)
    assert not any(wrong.values()), {command: some for command, some in wrong.items() if some}
    return refused
