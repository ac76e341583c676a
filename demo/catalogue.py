"""The catalogue and the legal texts of Kestrel Mobile, in five markets.

Plans have names and terms in every language of the portal, legal texts in three of them.
"""

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


# In the order of `LANGUAGES`.
LANGUAGES = ("en", "de", "ar", "fr", "es", "pt-br", "ja", "zh-hans")


def _names(*names: str) -> dict[str, str]:
    return dict(zip(LANGUAGES, names, strict=True))


KINDS = (
    PlanKind(
        "day",
        "prepaid",
        GB,
        1,
        _names(
            "Day pass",
            "Tagespass",
            "بطاقة يوم",
            "Pass journée",
            "Pase de un día",
            "Passe diário",
            "1日パス",
            "单日套餐",
        ),
    ),
    PlanKind(
        "traveller",
        "prepaid",
        5 * GB,
        30,
        _names(
            "Traveller",
            "Reise",
            "المسافر",
            "Voyage",
            "Viajero",
            "Viajante",
            "トラベル",
            "旅行套餐",
        ),
    ),
    PlanKind(
        "world",
        "prepaid",
        10 * GB,
        60,
        _names("World", "Welt", "حول العالم", "Monde", "Mundo", "Mundo", "ワールド", "全球套餐"),
    ),
    PlanKind(
        "monthly",
        "recurring",
        10 * GB,
        30,
        _names(
            "Monthly 10",
            "Monatlich 10",
            "شهري 10",
            "Mensuel 10",
            "Mensual 10",
            "Mensal 10",
            "マンスリー10",
            "包月 10",
        ),
        more_devices=1,
    ),
    PlanKind(
        "unlimited",
        "recurring",
        None,
        30,
        _names(
            "Unlimited",
            "Unbegrenzt",
            "غير محدود",
            "Illimité",
            "Ilimitado",
            "Ilimitado",
            "無制限",
            "不限流量",
        ),
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
    "fr": (
        "Données uniquement\N{NO-BREAK SPACE}: ni appels, ni SMS.\n\n"
        "Le forfait commence dès que votre commande est terminée. Les données non utilisées à la fin du forfait sont perdues.\n\n"
        "Votre appareil peut servir de point d’accès. Au-delà d’un usage raisonnable, le débit peut baisser aux heures de pointe."
    ),
    "es": (
        "Solo datos: sin llamadas ni mensajes de texto.\n\n"
        "El plan empieza cuando se completa el pedido. Los datos que no se usen antes de que termine el plan se pierden.\n\n"
        "El dispositivo puede compartir la conexión. Tras un uso razonable, la velocidad puede bajar en horas punta."
    ),
    "pt-br": (
        "Somente dados: sem chamadas e sem SMS.\n\n"
        "O plano começa quando o pedido é concluído. Os dados não usados até o fim do plano são perdidos.\n\n"
        "Seu aparelho pode ser usado como ponto de acesso. Após o uso justo da rede, a velocidade pode cair nos horários de pico."
    ),
    "ja": (
        "データ通信専用です。通話とSMSは利用できません。\n\n"
        "プランはご注文の完了時に始まります。プラン終了時に残っているデータは失効します。\n\n"
        "テザリングを利用できます。利用量が多い場合、混雑時に速度が低下することがあります。"
    ),
    "zh-hans": (
        "仅含流量，不含通话和短信。\n\n"
        "套餐自订单完成时生效。套餐到期时未用完的流量将作废。\n\n"
        "您的设备可用作热点。超出合理使用范围后，高峰时段的网速可能会降低。"
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
