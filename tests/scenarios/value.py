"""What goods are worth: rates of exchange, and the charges that make imports CIF and exports FOB."""

from tests.events import charge, item, rate
from tests.expectation import Scenario
from tests.scenarios.common import EXPORT, OTHER, N, course, lodge, on, released

FOB_IMPORT = Scenario(
    "freight and insurance of an import FOB go to its items by their price, and no fen is lost",
    #  1 Mar   09:00                                           10:00      11:00
    #          lodged, USD at 7.20:                            accepted   released
    #          87  USD 300.00 = 2,160.00 yuan  500 kg
    #          27  USD 400.00 = 2,880.00 yuan   25 kg
    #          freight USD 50.00 = 360.00; insurance 0.3 % of 5,400.00 = 16.20; together 376.20
    #          3/7 of 376.20 = 161.228...: 161.22 to the first, 214.98 to the second
    events=(
        *released(
            N,
            "2025-03-01",
            trade_terms="3",
            **charge("freight", "3", "50", "USD"),
            **charge("insurance", "1", "0.3"),
            exchange_rates=[rate("USD", "7.2")],
            items=[
                item(1, total=30_000, currency="USD"),
                item(2, "2701120000", 40_000, currency="USD", net_mass=25_000),
            ],
        ),
    ),
    said="""
        ACCEPTED LODGED
        ACCEPTED ACCEPTED
        ACCEPTED RELEASED
    """,
    counted="""
        DAY 2025-03-01T00:00+08:00
            stage LODGED 4200 IMPORT CN = 1 541,620 525,000
            stage ACCEPTED 4200 IMPORT CN = 1 541,620 525,000
            stage RELEASED 4200 IMPORT CN = 1 541,620 525,000
            partner KZ IMPORT CN = 1 2 541,620 525,000
            chapter 87 IMPORT CN = 1 1 232,122 500,000
            chapter 27 IMPORT CN = 1 1 309,498 25,000
    """,
)

CIF_EXPORT = Scenario(
    "an export CIF counts without its freight and insurance, under the destination of each item",
    #  1 Mar   09:00                                      10:00      11:00      12:00
    #          lodged, gross 1.25 t:                      accepted   released   cleared
    #          to KZ   3,000.00 yuan
    #          to RU   6,000.00 yuan (as the declaration)
    #          freight USD 40.00 a tonne at 7.20 = 360.00; insurance 33.34 yuan; together 393.34 less
    #          -1/3 of 393.34 = -131.113...: -131.12 from the first, -262.22 from the second
    events=(
        *released(
            EXPORT,
            "2025-03-01",
            ("CLEARED", "2025-03-01T12:00:00+08:00"),
            trade_terms="1",
            trade_country="RU",
            gross_mass=1_250_000,
            **charge("freight", "2", "40", "USD"),
            **charge("insurance", "3", "33.34", "CNY"),
            exchange_rates=[rate("EUR", "8"), rate("USD", "7.2"), rate("USD", "1")],
            items=[item(1, total=300_000, destination_country="KZ"), item(2, total=600_000)],
        ),
    ),
    said="""
        ACCEPTED LODGED
        ACCEPTED ACCEPTED
        ACCEPTED RELEASED
        ACCEPTED CLEARED
    """,
    of="partner total",
    counted="""
        DAY 2025-03-01T00:00+08:00
            total ALL EXPORT CN = 1 2 860,666 1,000,000
            partner KZ EXPORT CN = 1 1 286,888 500,000
            partner RU EXPORT CN = 1 1 573,778 500,000
    """,
)

RATE_MISSING = Scenario(
    "what has no rate counts as unconverted beside the value, until an amendment declares its rate",
    #  31 Mar   09:00                   10:00      11:00      | 2 Apr   09:00
    #           lodged:                 accepted   released   |         version 2: KGS at 0.083
    #           52  KGS 1,000.00  ?                           |         52  83.00 yuan
    #           27  40.00 yuan                                |         27  40.00 yuan
    events=(
        *released(
            N,
            "2025-03-31",
            items=[item(1, "5201000000", currency="KGS"), item(2, "2701120000", 4_000, net_mass=25_000)],
        ),
        on(
            lodge(
                "2025-04-02T09:00:00+08:00",
                version=2,
                exchange_rates=[rate("KGS", "0.083")],
                items=[item(1, "5201000000", currency="KGS"), item(2, "2701120000", 4_000, net_mass=25_000)],
            )
        ),
        *released(
            OTHER,
            "2025-04-03",
            items=[item(1, "5201000000", currency="KGS"), item(2, "2701120000", 4_000, net_mass=25_000)],
        ),
    ),
    said="""
        ACCEPTED LODGED
        ACCEPTED ACCEPTED
        ACCEPTED RELEASED
        ACCEPTED RELEASED
        ACCEPTED LODGED
        ACCEPTED ACCEPTED
        ACCEPTED RELEASED
    """,
    counted="""
        MONTH 2025-03-01T00:00+08:00
            stage LODGED 4200 IMPORT CN = 1 4,000 525,000 1
            stage ACCEPTED 4200 IMPORT CN = 1 4,000 525,000 1
            stage RELEASED 4200 IMPORT CN = 1 4,000 525,000 1
            partner KZ IMPORT CN = 1 2 12,300 525,000
            chapter 52 IMPORT CN = 1 1 8,300 500,000
            chapter 27 IMPORT CN = 1 1 4,000 25,000
        MONTH 2025-04-01T00:00+08:00
            stage AMENDED 4200 IMPORT CN = 1 12,300 525,000 0
            stage LODGED 4200 IMPORT CN = 1 4,000 525,000 1
            stage ACCEPTED 4200 IMPORT CN = 1 4,000 525,000 1
            stage RELEASED 4200 IMPORT CN = 1 4,000 525,000 1
            partner KZ IMPORT CN = 1 2 4,000 525,000 0 1
            chapter 52 IMPORT CN = 1 1 0 500,000 0 1
            chapter 27 IMPORT CN = 1 1 4,000 25,000 0 0
    """,
)

DECLARED_RATE = Scenario(
    "a declared rate goes before the table's: that of the third Wednesday of the month before",
    #  1 Mar   00:00                   10:00      11:00
    #          lodged, USD at 7.20:    accepted   released
    #          87  USD 1,000.00 = 7,200.00 yuan
    #          another, in the month's first second in Shanghai, by the table
    #          (19 February: EUR 1 = CNY 7.6017 = USD 1.0434, so USD 1 = CNY 7.2855089132):
    #          27  USD 1,000.00 = 7,285.50891... yuan
    #          52  EUR   100.00 =   760.17 yuan
    events=(
        *course(
            N,
            ("LODGED", "2025-03-01T00:00:00+08:00"),
            ("ACCEPTED", "2025-03-01T10:00:00+08:00"),
            ("RELEASED", "2025-03-01T11:00:00+08:00"),
            exchange_rates=[rate("USD", "7.2")],
            items=[item(currency="USD")],
        ),
        *course(
            OTHER,
            ("LODGED", "2025-03-01T00:00:00+08:00"),
            ("ACCEPTED", "2025-03-01T10:00:00+08:00"),
            ("RELEASED", "2025-03-01T11:00:00+08:00"),
            items=[item(1, "2701120000", currency="USD"), item(2, "5201000000", 10_000, currency="EUR")],
        ),
    ),
    said="""
        ACCEPTED LODGED
        ACCEPTED ACCEPTED
        ACCEPTED RELEASED
        ACCEPTED LODGED
        ACCEPTED ACCEPTED
        ACCEPTED RELEASED
    """,
    of="chapter total",
    counted="""
        ALL_TIME
            total ALL IMPORT CN = 2 3 1,524,568 1,500,000
            chapter 87 IMPORT CN = 1 1 720,000 500,000
            chapter 27 IMPORT CN = 1 1 728,551 500,000
            chapter 52 IMPORT CN = 1 1 76,017 500,000
    """,
)
