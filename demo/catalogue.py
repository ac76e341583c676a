"""The catalogue and the legal texts of Kestrel Mobile, in five markets and three languages."""

from typing import NamedTuple

GB = 10**9


class Market(NamedTuple):
    """A country where Kestrel sells plans. Regional plans also work in its neighbours."""

    currency: str
    tax_rate: int
    neighbours: tuple[str, ...]
    # In minor units, in the order of `KINDS`.
    prices: tuple[int, int, int, int, int]
    # Whether its law asks who the customer is (`plans.models.Identity`).
    identity: str = "none"


MARKETS = {
    "US": Market("USD", 900, ("CA", "MX"), (400, 1900, 3900, 2500, 4500)),
    "GB": Market("GBP", 2000, ("IE", "FR"), (350, 1500, 3200, 1800, 3500)),
    "DE": Market("EUR", 1900, ("AT", "CH"), (400, 1700, 3500, 1999, 3999)),
    "JP": Market("JPY", 1000, ("KR", "TW"), (600, 2700, 5800, 3600, 6400)),
    "AE": Market("AED", 500, ("SA", "QA"), (1500, 7000, 14500, 9000, 16500), "before"),
}
WORLD = ("US", "GB", "DE", "JP", "AE", "CA", "MX", "FR", "ES", "IT", "KR", "SG")


class PlanKind(NamedTuple):
    """A plan that every market has, at its own price."""

    code: str
    category: str
    data_bytes: int | None
    validity_days: int
    names: dict[str, str]
    # How many other devices may share it, and for what part of the price each.
    more_devices: int = 0
    device_percent: int = 0


KINDS = (
    PlanKind("day", "prepaid", GB, 1, {"en": "Day pass", "de": "Tagespass", "ar": "بطاقة يوم"}),
    PlanKind(
        "traveller", "prepaid", 5 * GB, 30, {"en": "Traveller", "de": "Reise", "ar": "المسافر"}
    ),
    PlanKind("world", "prepaid", 10 * GB, 60, {"en": "World", "de": "Welt", "ar": "حول العالم"}),
    PlanKind(
        "monthly",
        "recurring",
        10 * GB,
        30,
        {"en": "Monthly 10", "de": "Monatlich 10", "ar": "شهري 10"},
        more_devices=1,
    ),
    PlanKind(
        "unlimited",
        "recurring",
        None,
        30,
        {"en": "Unlimited", "de": "Unbegrenzt", "ar": "غير محدود"},
        more_devices=2,
        device_percent=20,
    ),
)

PLAN_TERMS = {
    "en": (
        "Data only: no calls and no text messages.\n\n"
        "The plan starts when your order is complete. Data that is not used when the plan ends is lost.\n\n"
        "Your device may be used as a hotspot. After fair use of the network the speed may be lower at busy hours."
    ),
    "de": (
        "Nur Daten: keine Anrufe und keine Textnachrichten.\n\n"
        "Der Tarif beginnt, sobald Ihre Bestellung abgeschlossen ist. Nicht genutzte Daten verfallen am Ende.\n\n"
        "Ihr Gerät darf als Hotspot dienen. Bei starker Nutzung kann es zu Stoßzeiten langsamer werden."
    ),
    "ar": (
        "بيانات فقط: من دون مكالمات أو رسائل نصية.\n\n"
        "تبدأ الباقة عند اكتمال طلبك. وتنتهي البيانات غير المستخدمة بانتهاء الباقة.\n\n"
        "يمكنك استخدام جهازك نقطة اتصال. وقد تنخفض السرعة في أوقات الذروة بعد الاستخدام العادل."
    ),
}

LEGAL = {
    "terms": {
        "en": (
            "Terms of service",
            "Kestrel Mobile sells data connectivity for your device.\n\n"
            "You pay for a plan once your order is complete, never before. If we cannot provide the plan, you are not charged.\n\n"
            "You may cancel a monthly plan in your account at any time. The plan then ends with the month you've paid for.\n\n"
            "The law of the country where you bought the plan applies.",
        ),
        "de": (
            "Nutzungsbedingungen",
            "Kestrel Mobile verkauft Datenverbindungen für Ihr Gerät.\n\n"
            "Sie zahlen einen Tarif, sobald Ihre Bestellung abgeschlossen ist, nie vorher. Können wir den Tarif nicht bereitstellen, wird nichts abgebucht.\n\n"
            "Einen monatlichen Tarif können Sie jederzeit in Ihrem Konto kündigen; er endet dann mit dem bezahlten Monat.\n\n"
            "Es gilt das Recht des Landes, in dem Sie den Tarif gekauft haben.",
        ),
        "ar": (
            "شروط الخدمة",
            "تبيع Kestrel Mobile خدمة الاتصال بالبيانات لجهازك.\n\n"
            "تدفع ثمن الباقة عند اكتمال طلبك وليس قبل ذلك. وإذا تعذّر علينا توفيرها فلن يُخصم منك شيء.\n\n"
            "يمكنك إلغاء الباقة الشهرية من حسابك في أي وقت، وتنتهي عندئذ بنهاية الشهر المدفوع.\n\n"
            "يسري قانون البلد الذي اشتريت فيه الباقة.",
        ),
    },
    "privacy": {
        "en": (
            "Privacy policy",
            "We keep what we need to connect you: your name and sign-in, your orders, and your device's eSIM number.\n\n"
            "Of a payment card we keep the brand, the last four digits and the expiry; the payment service keeps the rest.\n\n"
            "We do not sell what we know about you, and no third party measures what you do here.",
        ),
        "de": (
            "Datenschutz",
            "Wir speichern, was wir für Ihre Verbindung brauchen: Ihren Namen und Ihre Anmeldung, Ihre Bestellungen und die eSIM-Nummer Ihres Geräts.\n\n"
            "Von einer Zahlungskarte behalten wir die Marke, die letzten vier Ziffern und das Ablaufdatum; alles andere liegt beim Zahlungsdienst.\n\n"
            "Wir verkaufen nichts von dem, was wir über Sie wissen, und niemand sonst misst, was Sie hier tun.",
        ),
        "ar": (
            "سياسة الخصوصية",
            "نحتفظ بما نحتاج إليه لتوصيلك: اسمك وبيانات دخولك وطلباتك ورقم شريحة eSIM في جهازك.\n\n"
            "نحتفظ من بطاقة الدفع بنوعها وآخر أربعة أرقام وتاريخ انتهائها، وتحتفظ خدمة الدفع بالباقي.\n\n"
            "لا نبيع ما نعرفه عنك، ولا تقيس أي جهة أخرى ما تفعله هنا.",
        ),
    },
}
LEGAL_VERSION = "2026-11"
