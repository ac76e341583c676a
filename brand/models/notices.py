"""Texts that customers see from one time to another, and notices on every page."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.timezone import now
from django.utils.translation import get_language

from brand.models.words import words_by_language, words_in


def running_at(at: datetime) -> Q:
    """Return the condition that a timed text is shown at this time. The end is no part of it."""
    return Q(Q(ends_at=None) | Q(ends_at__gt=at), starts_at__lte=at)


class TimedText(models.Model):
    """A text that staff write, with its start and its end. Without an end, staff end it."""

    text = models.CharField(
        "text, in English",
        max_length=300,
        help_text="What customers read, in one or two sentences. Say until when it lasts.",
    )
    translations = models.JSONField(
        "text, in other languages",
        default=dict,
        blank=True,
        validators=[words_by_language],
        help_text="A customer whose language is empty here reads the English text.",
    )
    starts_at = models.DateTimeField(default=now)
    ends_at = models.DateTimeField(
        null=True, blank=True, help_text="Leave empty if you don't know it yet."
    )

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(name="%(class)s_has_a_text", condition=Q(text__regex=r"\S")),
            models.CheckConstraint(
                name="%(class)s_ends_after_it_starts",
                condition=Q(ends_at__isnull=True) | Q(ends_at__gt=F("starts_at")),
                violation_error_message="The end must be after the start.",
            ),
        ]

    @property
    def words(self) -> str:
        """Return the text in the current language, otherwise in English."""
        by_language = {**self.translations, "en": self.text}
        return words_in(by_language, get_language() or settings.LANGUAGE_CODE)


class Tone(models.TextChoices):
    """How urgent a notice is."""

    INFORMATION = "information", "Information"
    WARNING = "warning", "Warning"


class Notice(TimedText):
    """What every page of the portal shows above its content."""

    tone = models.CharField(max_length=11, choices=Tone, default=Tone.INFORMATION)
    is_at_desk = models.BooleanField("show it at the desk, too", default=False)

    class Meta(TimedText.Meta):
        ordering = ["-pk"]
        default_permissions = ("view",)
        permissions = [("post_notice", "Can show a notice to all customers")]
        constraints = [
            *TimedText.Meta.constraints,
            models.CheckConstraint(
                name="notice_tone_known", condition=Q(tone__in=["information", "warning"])
            ),
        ]

    def __str__(self) -> str:
        return self.text

    @property
    def is_warning(self) -> bool:
        return self.tone == Tone.WARNING
