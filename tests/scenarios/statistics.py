"""What trade is counted under: goods, procedures and modes; and the taxes and permits beside it."""

from tests.events import duty, item, number, permit
from tests.expectation import Scenario
from tests.scenarios.common import EXPORT, OTHER, N, lodge, on, released

_NEW_CARS = number(5, flow="EXPORT")
USED_CARS = Scenario(
    "used cars count apart, by the piece where pieces are declared; an electric one is of the new three as well",
    #  1 Mar   09:00                                            10:00      11:00      12:00
    #          lodged, used goods:                              accepted   released   cleared
    #          3 petrol cars  30,000.00 yuan  4.5 t
    #          1,500 kg of electric cars  10,000.00  1.5 t
    #          tyres  200.00  80 kg
    #          another, new goods:
    #          1 electric car  1,000.00  500 kg
    events=(
        *released(
            EXPORT,
            "2025-03-01",
            ("CLEARED", "2025-03-01T12:00:00+08:00"),
            used_goods=True,
            items=[
                item(
                    1, "8703230000", 3_000_000, quantity=300_000, unit="003", unit_price=100_000_000, net_mass=4_500_000
                ),
                item(
                    2,
                    "8703600000",
                    1_000_000,
                    quantity=150_000_000,
                    unit="035",
                    unit_price=None,
                    net_mass=1_500_000,
                ),
                item(3, "4011100000", 20_000, net_mass=80_000),
            ],
        ),
        *released(
            _NEW_CARS,
            "2025-03-01",
            ("CLEARED", "2025-03-01T12:00:00+08:00"),
        ),
    ),
    said="""
        ACCEPTED LODGED
        ACCEPTED ACCEPTED
        ACCEPTED RELEASED
        ACCEPTED CLEARED
        ACCEPTED LODGED
        ACCEPTED ACCEPTED
        ACCEPTED RELEASED
        ACCEPTED CLEARED
    """,
    of="used-cars new-three",
    counted="""
        DAY 2025-03-01T00:00+08:00
            used-cars ALL EXPORT CN = 1 2 4,000,000 6,000,000 300,000
            new-three ELECTRIC_VEHICLES EXPORT CN = 2 2 1,100,000 2,000,000
    """,
)

E_COMMERCE = Scenario(
    "e-commerce is counted by its procedures; modes of transport are those of the United Nations",
    #  1 Mar   09:00                                       10:00      11:00
    #          lodged: bonded e-commerce, by air, not      accepted   released
    #          through the platform
    #          another: general trade, by water
    events=(
        *released(
            N,
            "2025-03-01",
            procedure="1210",
            channel="OTHER",
            transport_mode="5",
        ),
        *released(
            OTHER,
            "2025-03-01",
            items=[item(total=20_000)],
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
    of="e-commerce procedure channel mode",
    counted="""
        DAY 2025-03-01T00:00+08:00
            e-commerce 1210 IMPORT CN = 1 1 100,000 500,000
            procedure 1210 IMPORT CN = 1 1 100,000 500,000
            procedure 0110 IMPORT CN = 1 1 20,000 500,000
            channel OTHER IMPORT CN = 1 1 100,000 500,000
            channel PLATFORM IMPORT CN = 1 1 20,000 500,000
            mode 4 IMPORT CN = 1 1 100,000 500,000
            mode 1 IMPORT CN = 1 1 20,000 500,000
    """,
)

RETURNED_GOODS = Scenario(
    "returned goods are outside the statistics of trade; their steps, taxes and trader count all the same",
    #  1 Mar   09:00                        10:00      11:00
    #          lodged: procedure 4561       accepted   released
    events=(
        *released(
            N,
            "2025-03-01",
            procedure="4561",
            duty_regime="299",
            duties=[duty("VAT", 13_000)],
        ),
    ),
    said="""
        ACCEPTED LODGED
        ACCEPTED ACCEPTED
        ACCEPTED RELEASED
    """,
    of="stage total partner chapter procedure group duty enterprises",
    counted="""
        MONTH 2025-03-01T00:00+08:00
            stage LODGED 4200 IMPORT CN = 1 100,000 500,000
            stage ACCEPTED 4200 IMPORT CN = 1 100,000 500,000
            stage RELEASED 4200 IMPORT CN = 1 100,000 500,000
            duty VAT IMPORT CN = 1 13,000
            enterprises CN ALL IMPORT CN = 1
            enterprises CN PLATFORM IMPORT CN = 1
    """,
)

TAXES_AND_PERMITS = Scenario(
    "taxes are added up by kind, permits by agency and state; an amendment replaces both",
    #  1 Mar   09:00                          10:00      11:00      12:00
    #          lodged:                        accepted   released   version 2:
    #          duty 100.00, VAT 143.00, 1.00                        VAT 130.00
    #          CIQ pending                                          CIQ granted, MEE granted
    events=(
        *released(
            N,
            "2025-03-01",
            duties=[duty("DUTY", 10_000), duty("VAT", 14_300), duty("VAT", 100, item=None)],
            permits=[permit("CIQ", "PENDING")],
        ),
        *released(
            OTHER,
            "2025-03-01",
            duties=[duty("DUTY", 10_000), duty("VAT", 14_300), duty("VAT", 100, item=None)],
            permits=[permit("CIQ", "PENDING"), permit("CIQ", "PENDING")],
        ),
        on(
            lodge(
                "2025-03-01T12:00:00+08:00",
                version=2,
                duties=[duty("VAT", 13_000)],
                permits=[permit("CIQ"), permit("MEE")],
            )
        ),
    ),
    said="""
        ACCEPTED LODGED
        ACCEPTED ACCEPTED
        ACCEPTED RELEASED
        ACCEPTED LODGED
        ACCEPTED ACCEPTED
        ACCEPTED RELEASED
        ACCEPTED RELEASED
    """,
    of="duty permit",
    counted="""
        ALL_TIME
            duty DUTY IMPORT CN = 1 10,000
            duty VAT IMPORT CN = 2 27,400
            permit CIQ PENDING IMPORT CN = 2
            permit CIQ GRANTED IMPORT CN = 1
            permit MEE GRANTED IMPORT CN = 1
    """,
)
