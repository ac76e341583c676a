"""`manage.py reset_second_factor`: one of the staff has lost the phone with the app."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.access import second_factor
from accounts.identifier import normalise
from accounts.models import User


class Command(BaseCommand):
    """Forgets the app and ends all sessions. The next sign-in sets up another app."""

    help = "Let one of the staff set up another authenticator app. Check first who is asking."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", help="what the member of staff signs in with")

    def handle(self, *, username: str, **_options: Any) -> None:
        user = User.objects.filter(username=normalise(username), is_staff=True).first()
        if user is None:
            raise CommandError(f"No member of staff signs in with {username}.")
        if not second_factor.reset(user):
            self.stdout.write("There was no app. All sessions are ended.")
        else:
            self.stdout.write("The app is forgotten, and all sessions are ended.")
