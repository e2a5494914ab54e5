"""What happens to files: flipped bits, cut ends, splices, and in structured ones other values, types and tokens."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

# Values that slips, other programs and malice put where something else belongs.
STRANGE: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2, 255, 256, 2**31 - 1, 2**31, 2**63, 10**30, 10**400, 0.5, -0.0, 1e308, -1e-308, 1e6),
    *("", "a", "0", "-1", "nan", "../../outside", "/etc/hostname", "a\0b", "\u00fc" * 300, "1e-3", "x" * 5000),
    *([], {}, [[]], [None], [1, 2, 3], {"a": 1}, {"": None}),
)
TOKENS = (
    *(b"NaN", b"-Infinity", b"1e999", b"1E400", b"null", b"true", b"\\ud800", b"\\u0000", b"[" * 3000, b"{" * 200, b"]", b"}", b'"', b"'"),
    *(b"\0", b"\xff", b"\xef\xbb\xbf", b"\r\n", b"\n\n", b",", b",,,,", b";", b":", b"#", b"&a", b"*a", b"9" * 400, b"-1", b"0", b"1e-3"),
    *(b"!!python/object/apply:os.system [id]", b"2021-13-45", b"190:20:30", b"<<: *a", b"../../x", b"/etc/passwd", b"%s%n", b"$(id)"),
    b"x" * 140_000,
)


def mutate_bytes(data: bytes, draw: random.Random) -> bytes:
    """Return data with one to three changes of any kind."""
    content = bytearray(data)
    for _ in range(draw.randint(1, 3)):
        place = draw.randrange(len(content) + 1)
        # Headers are short and decide most.
        place = min(place, draw.randrange(200)) if draw.random() < 0.4 else place
        match draw.randrange(7):
            case 0 if content:
                content[place % len(content)] ^= 1 << draw.randrange(8)
            case 1:
                del content[place:]
            case 2:
                content[place:place] = draw.randbytes(draw.randint(1, 40))
            case 3:
                other = draw.randrange(len(content) + 1)
                content[place : place + draw.randint(1, 64)] = content[other : other + draw.randint(1, 64)]
            case 4:
                del content[place : place + draw.randint(1, 64)]
            case 5 if content:
                for offset in range(place, min(len(content), place + draw.randint(1, 8))):
                    content[offset] = draw.choice((0, 1, 127, 128, 255))
            case _:
                width = draw.choice((2, 4, 8))
                number = draw.choice((0, 1, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 10**9)) % 2 ** (8 * width)
                content[place : place + width] = number.to_bytes(width, draw.choice(("big", "little")))
    return bytes(content)


def mutate_text(data: bytes, draw: random.Random) -> bytes:
    """Return a text with tokens put in, lines doubled, dropped or swapped, or changed as bytes."""
    if draw.random() < 0.25:
        return mutate_bytes(data, draw)
    lines = data.split(b"\n")
    for _ in range(draw.randint(1, 2)):
        number = draw.randrange(len(lines))
        line = lines[number]
        match draw.randrange(6):
            case 0:
                lines.insert(number, line)
            case 1 if len(lines) > 1:
                del lines[number]
            case 2:
                other = draw.randrange(len(lines))
                lines[number], lines[other] = lines[other], line
            case 3:
                place = draw.randrange(len(line) + 1)
                lines[number] = line[:place] + draw.choice(TOKENS) + line[place:]
            case _:  # one cell, or one value
                mark = b"," if b"," in line else b":"
                cells = line.split(mark)
                cells[draw.randrange(len(cells))] = draw.choice(TOKENS)
                lines[number] = mark.join(cells)
        if not lines:
            lines = [b""]
    return b"\n".join(lines)


def mutate_json(data: bytes, draw: random.Random) -> bytes:
    """Return JSON with one to three values replaced, moved, doubled or dropped, or changed as text."""
    if draw.random() < 0.3:
        return mutate_text(data, draw)
    return json.dumps(mutate_value(json.loads(data), draw)).encode()


def mutate_value(content: Any, draw: random.Random, strange: tuple[Any, ...] = STRANGE) -> Any:
    """Return content of mappings and lists in which one to three values are replaced, moved, doubled or dropped."""
    content = copy.deepcopy(content)
    for _ in range(draw.randint(1, 3)):
        places = list(_places(content))
        if not places:
            return draw.choice(strange)
        holder, key = draw.choice(places)
        match draw.randrange(6):
            case 0:
                del holder[key]
            case 1:
                other, name = draw.choice(places)
                holder[key] = copy.deepcopy(other[name]) if _has(other, name) else None
            case 2 if isinstance(holder, list):
                holder.insert(key, copy.deepcopy(holder[key]))
            case 3 if isinstance(holder, dict):
                holder[str(key) + draw.choice(("", "x", " ", "\0"))] = holder.pop(key)
            case 4 if isinstance(holder[key], int | float) and not isinstance(holder[key], bool):
                holder[key] = draw.choice((-holder[key], holder[key] * 1000, holder[key] + 0.5, str(holder[key]), holder[key] + 1))
            case _:
                holder[key] = copy.deepcopy(draw.choice(strange))
    return content


def _places(content: Any) -> list[tuple[Any, Any]]:
    """Return every (holder, key) in nested mappings and lists."""
    found, waiting = [], [content]
    while waiting:
        holder = waiting.pop()
        keys = list(holder) if isinstance(holder, dict) else range(len(holder)) if isinstance(holder, list) else ()
        found += [(holder, key) for key in keys]
        waiting += [holder[key] for key in keys]
    return found


def _has(holder: Any, key: Any) -> bool:
    """Tell whether a place is still there."""
    return key in holder if isinstance(holder, dict) else key < len(holder)
