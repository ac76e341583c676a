"""`mobileplans.domain.installation`: install links for each platform, and the QR code."""

import pytest

from mobileplans.domain import installation
from moportal.identifiers import ActivationCode
from tests.mobileplans.conftest import CODE

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X)"
PIXEL = "Mozilla/5.0 (Linux; Android 14; Pixel 8)"
EDGE = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Edge/18"


@pytest.mark.parametrize(
    ("user_agent", "here"),
    [
        (EDGE, f"LPA:{CODE}"),
        (IPHONE, f"https://esimsetup.apple.com/esim_qrcode_provisioning?carddata=LPA:{CODE}"),
        (PIXEL, f"https://esimsetup.android.com/esim_qrcode_provisioning?carddata=LPA:{CODE}"),
        ("Mozilla/5.0 (X11; Linux x86_64)", None),
        ("", None),
    ],
)
def test_the_link_for_the_device_in_use_comes_first_and_the_others_follow(
    user_agent: str, here: str | None
) -> None:
    found = installation.installation_for(ActivationCode.parse(CODE), user_agent)

    assert (found.here.url if found.here else None) == here
    assert len(found.elsewhere) == (2 if here else 3)
    assert found.qr_text == f"LPA:{CODE}"
    assert "style=" not in found.qr_code
