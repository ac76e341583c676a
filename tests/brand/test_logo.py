"""The operator's logo: cleaned, small, in the database, and never a broken page."""

import io
import struct
import zlib

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from PIL import Image

from accounts.models import User
from brand.domain import store_logo
from brand.models import MOST_SERVED, PNG, SVG, Logo, Operator
from brand.pictures import MOST_UPLOADED, PictureRefused, clean
from demo.brands import BRANDS
from tests.builders import make_operator

pytestmark = pytest.mark.django_db
PAGES = ["/options/", "/support/", "/sign-in/", "/nothing/"]
NAMESPACE = 'xmlns="http://www.w3.org/2000/svg"'
SQUARE = f'<svg {NAMESPACE} viewBox="0 0 8 8"><path fill="#123" d="M0 0h8v8z"/></svg>'


def svg(inside: str, *, root: str = 'viewBox="0 0 8 8"') -> bytes:
    return f"<svg {NAMESPACE} {root}>{inside}</svg>".encode()


def png(width: int = 8, height: int = 8) -> bytes:
    drawn = io.BytesIO()
    Image.new("RGB", (width, height), "#123456").save(drawn, "PNG")
    return drawn.getvalue()


def cleaned(uploaded: bytes) -> str:
    return clean(uploaded).content.decode()


class TestPages:
    @pytest.mark.parametrize("path", PAGES)
    def test_without_a_logo_the_first_letter_of_the_name_is_drawn(
        self, path: str, client: Client
    ) -> None:
        operator = make_operator(name="<Kestrel & Co>")

        page = client.get(path, follow=True)
        logo = client.get(operator.logo_url)

        assert operator.logo_url in page.text
        assert logo.status_code == 200
        assert b"&lt;</text>" in logo.content

    def test_a_logo_is_served_so_that_it_can_do_nothing(self, client: Client) -> None:
        operator = make_operator()
        operator.logo = store_logo(SQUARE.encode())
        operator.save()

        page, logo = client.get("/sign-in/").text, client.get(operator.logo_url)

        assert operator.logo_url in page
        assert logo.headers["Content-Type"] == SVG
        assert logo.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert logo.headers["X-Content-Type-Options"] == "nosniff"
        assert "immutable" in logo.headers["Cache-Control"]
        assert logo.content == SQUARE.replace("/></svg>", "></path></svg>").encode()

    def test_another_name_is_not_there(self, client: Client) -> None:
        make_operator()

        assert client.get("/logo/0000.svg").status_code == 404

    def test_a_logo_that_is_uploaded_twice_is_stored_once(self) -> None:
        assert store_logo(SQUARE.encode()) == store_logo(SQUARE.encode())
        assert Logo.objects.count() == 1

    @pytest.mark.parametrize("key", BRANDS)
    def test_the_demo_can_look_like_each_brand(self, key: str, client: Client) -> None:
        make_operator()

        call_command("load_demo", brand=key, verbosity=0)

        operator = Operator.objects.get()
        assert operator.name in client.get("/sign-in/").text
        assert client.get(operator.logo_url).status_code == 200


class TestDesk:
    def save(self, client: Client, **more: object) -> str:
        operator = make_operator()
        fields = {
            name: getattr(operator, name)
            for name in ("name", "accent", "accent_dark", "support_phone", "support_email")
        }
        fields |= {"support_hours": "always", "default_market": "US", "website": ""}
        page = client.post("/admin/brand/operator/1/change/", {**fields, **more}, follow=True)
        return page.content.decode()

    def test_staff_upload_logos_and_take_them_away(self, clara: User, client: Client) -> None:
        client.force_login(clara)
        dark = SimpleUploadedFile("dark.png", png())

        self.save(client, new_logo=SimpleUploadedFile("x.bin", SQUARE.encode()), new_logo_dark=dark)

        operator = Operator.objects.select_related("logo", "logo_dark").get()
        assert operator.logo is not None
        assert operator.logo_dark is not None
        assert (operator.logo.media_type, operator.logo_dark.media_type) == (SVG, PNG)
        page = client.get("/admin/brand/operator/1/change/").content.decode()
        assert operator.logo_url in page
        assert operator.logo_dark_url in page
        self.save(client, draw_logo="on")
        assert Operator.objects.get().logo is None

    def test_a_refused_file_says_how_to_mend_it_and_changes_nothing(
        self, clara: User, client: Client
    ) -> None:
        client.force_login(clara)

        page = self.save(client, new_logo=SimpleUploadedFile("x.svg", svg("<text>A</text>")))

        assert "Convert everything to paths" in page
        assert not Logo.objects.exists()

    def test_the_contrast_of_the_colours_is_shown(self, clara: User, client: Client) -> None:
        make_operator()
        client.force_login(clara)

        page = client.get("/admin/brand/operator/1/change/").content.decode()

        assert "Light: text on buttons 7" in page


class TestSvg:
    @pytest.mark.parametrize(
        "harmful",
        [
            "<script>alert(1)</script>",
            '<path onload="alert(1)" d="M0 0"/>',
            '<path d="M0 0"><animate attributeName="href" to="javascript:alert(1)"/></path>',
            '<a href="javascript:alert(1)"><path d="M0 0"/></a>',
            '<path fill="url(https://evil.example/x)" d="M0 0"/>',
            '<path style="fill:url(//evil.example)" d="M0 0"/>',
            '<path fill="&#117;rl(javascript:x)" d="M0 0"/>',
            '<path style="background:expression(alert(1))" d="M0 0"/>',
            '<x:script xmlns:x="http://www.w3.org/1999/xhtml">alert(1)</x:script>',
            '<path xmlns:l="http://www.w3.org/1999/xlink" l:href="https://evil.example" d="M0 0"/>',
            "<metadata><evil.example/></metadata>",
            "<!-- evil.example --><?evil example?>",
            "<desc>]]&gt;&lt;script&gt;alert(1)</desc>",
        ],
    )
    def test_what_could_do_harm_is_left_out(self, harmful: str) -> None:
        text = cleaned(svg(harmful))

        for word in ("<script", "onload", "javascript:", "evil", "animate", "<a ", "expression"):
            assert word not in text

    @pytest.mark.parametrize(
        "drawn",
        ["<text>A</text>", "<image/>", "<style>path{}</style>", "<use/>", "<foreignObject/>"],
    )
    def test_what_cannot_be_kept_is_refused_and_not_lost(self, drawn: str) -> None:
        with pytest.raises(PictureRefused, match="Convert everything to paths"):
            clean(svg(drawn))

    @pytest.mark.parametrize(
        ("broken", "why"),
        [
            (b"", "neither a PNG nor an SVG"),
            (b"GIF89a", "neither a PNG nor an SVG"),
            (b"<svg", "neither a PNG nor an SVG"),
            (b"<html/>", "not an SVG"),
            (b"<svg/>", "not an SVG"),
            (svg("", root=""), "no viewBox"),
            (svg("<g>" * 60 + "</g>" * 60), "nested too deeply"),
            (svg(f'<path d="{"M0 0h1" * 900}"/>'), "every page loads it"),
            (b" " * (MOST_UPLOADED + 1), "more than 64 KB"),
        ],
    )
    def test_what_is_no_small_svg_is_refused_with_the_reason(self, broken: bytes, why: str) -> None:
        with pytest.raises(PictureRefused, match=why):
            clean(broken)

    @pytest.mark.parametrize(
        "doctype",
        [
            '<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>',
            '<!DOCTYPE svg SYSTEM "file:///etc/passwd">',
        ],
    )
    def test_nothing_is_expanded_or_fetched(self, doctype: str) -> None:
        with pytest.raises(PictureRefused, match="DOCTYPE"):
            clean(doctype.encode() + svg("<title>&b;</title>"))

    def test_styles_become_attributes_and_gradients_stay(self) -> None:
        gradient = '<defs><linearGradient id="g"><stop offset="0"/></linearGradient></defs>'
        text = cleaned(svg(f'{gradient}<path style="fill: url(#g); -x-y: 1" d="M0 0"/>'))

        assert 'fill="url(#g)"' in text
        assert "style" not in text

    def test_a_size_becomes_a_view_box(self) -> None:
        assert 'viewBox="0 0 40 40.5"' in cleaned(svg("", root='width="40px" height="40.5"'))


class TestPng:
    def test_it_is_drawn_again_small_and_without_the_rest_of_the_file(self) -> None:
        picture = clean(png(512, 512) + b"<script>alert(1)</script>")

        assert picture.media_type == PNG
        assert len(picture.content) <= MOST_SERVED
        assert b"script" not in picture.content
        assert Image.open(io.BytesIO(picture.content)).size == (96, 96)

    def test_a_picture_with_much_detail_gets_fewer_colours(self) -> None:
        noise = Image.effect_noise((300, 300), 90).convert("RGB")
        drawn = io.BytesIO()
        noise.save(drawn, "PNG")
        if drawn.tell() > MOST_UPLOADED:
            drawn = io.BytesIO()
            noise.resize((120, 120)).save(drawn, "PNG")

        assert len(clean(drawn.getvalue()).content) <= MOST_SERVED

    def test_a_bomb_is_refused_before_it_is_opened(self) -> None:
        size = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
        header = b"IHDR" + size
        chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))

        with pytest.raises(PictureRefused, match="too many pixels"):
            clean(b"\x89PNG\r\n\x1a\n" + chunk + png()[33:])

    def test_a_damaged_one_is_refused(self) -> None:
        with pytest.raises(PictureRefused, match="damaged"):
            clean(png()[:40])
