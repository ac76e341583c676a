"""`python -m demo.manage COMMAND`: a management command in the installation of `make run`."""

import os
import sys

from demo.parts import environment
from demo.run import CannotRun, find_copy


def main() -> int:
    try:
        copy = find_copy(os.environ.get("PORT") or "8000")
    except CannotRun as error:
        print(error, file=sys.stderr)
        return 1
    os.environ.update(environment(copy, outside=os.environ))
    from django.core.management import execute_from_command_line  # noqa: PLC0415 -- it reads the environment

    execute_from_command_line(["demo.manage", *sys.argv[1:]])
    return 0


if __name__ == "__main__":
    sys.exit(main())
