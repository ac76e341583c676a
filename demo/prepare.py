"""Prepare the demo's database, in one process because each start of Django takes a while."""

import sys
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command


def main() -> None:
    django.setup()
    # WhiteNoise requires the folder, although the demo serves
    # files directly from the rooms.
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
    call_command("migrate", interactive=False, verbosity=0)
    call_command("load_demo", verbosity=0)
    with Path(sys.argv[1]).open("w", encoding="utf-8") as summary:
        call_command("load_demo", "--summary", stdout=summary)


if __name__ == "__main__":
    main()
