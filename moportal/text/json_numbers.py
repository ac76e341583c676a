"""Numbers in the JSON of other systems.

JSON has one kind of number: 4, 4.0 and 4e0 are equal.
"""


def whole_number(value: object) -> int | None:
    """Return a whole number however it is written, or None for anything else (RFC 8259, 6).

    JSON's `true` is not a number, although Python's bool is an int. Neither is a text.
    """
    if type(value) is float and value.is_integer():
        return int(value)
    return value if type(value) is int else None
