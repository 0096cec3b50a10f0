"""Python values as libconfig text: a dict is a group, a list of dicts a list, any other list an array."""

import json


def dumps(group, indent=0):
    pad = "  " * indent
    return "".join(f"{pad}{name} = {value(v, indent)};\n" for name, v in group.items() if v is not None)


def value(v, indent=0):
    pad = "  " * indent
    if isinstance(v, dict):
        return "{\n" + dumps(v, indent + 1) + pad + "}"
    if isinstance(v, list):
        if v and isinstance(v[0], dict):
            return "(\n" + ",\n".join(f"{pad}  {value(item, indent + 1)}" for item in v) + f"\n{pad})"
        return "[" + ", ".join(value(item) for item in v) + "]"
    if isinstance(v, bool):
        return "true" if v else "false"
    if isinstance(v, int):
        return str(v)
    return json.dumps(v, ensure_ascii=False)
