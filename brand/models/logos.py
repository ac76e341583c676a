"""Logos as bytes in the database, so that every node of the portal has them."""

from django.db import models
from django.db.models import Q

# Every page loads it. In bytes.
MOST_SERVED = 4096
SVG, PNG = "image/svg+xml", "image/png"


class Logo(models.Model):
    """A cleaned picture (`brand.pictures`). It never changes: its name has its digest."""

    name = models.CharField(max_length=40, unique=True, help_text="In its address.")
    media_type = models.CharField(max_length=20, choices=[(SVG, "SVG"), (PNG, "PNG")])
    content = models.BinaryField()
    size = models.PositiveIntegerField(help_text="In bytes.")
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="logo_is_small", condition=Q(size__gt=0, size__lte=MOST_SERVED)
            ),
            models.CheckConstraint(
                name="logo_is_a_known_picture", condition=Q(media_type__in=[SVG, PNG])
            ),
        ]

    def __str__(self) -> str:
        return f"{self.media_type} {self.name[:8]}, {self.size} bytes"
