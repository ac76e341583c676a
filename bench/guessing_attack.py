"""Those who guess, in a process of their own: `python -m bench.guessing_attack PLAN`.

The plan is JSON, with the fields of `bench.guessing_crowd.Attack`.
"""

import json
import sys

from bench.guessing_crowd import Attack


def main() -> None:
    plan = Attack(**json.loads(sys.argv[1]))
    print(json.dumps(plan.run()))


if __name__ == "__main__":
    main()
