"""The goods of the simulated trade: HS 2022 subheadings with their share, unit, mass and price.

The subheadings are real; the four digits of the national tariff behind them, the shares, masses and prices are made
up to look like the trade of the zone. Units are the customs codes: 001 set, 003 vehicle, 007 piece, 011 garment,
025 pair, 035 kilogram, 070 tonne.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Good:
    """One commodity. ``code``: 10 digits; ``grams``: net mass of one unit; ``price``: US dollars a unit, scale 4."""

    code: str
    name: str
    share: int
    unit: str
    grams: int
    price: int
    most: int
    """The largest usual quantity in a declaration item, in units."""


IMPORTS = (
    Good("2709000000", "crude petroleum", 60, "070", 1_000_000, 5_200_000, 900),
    Good("2711210000", "natural gas", 20, "070", 1_000_000, 4_100_000, 400),
    Good("2711110000", "liquefied natural gas", 25, "070", 1_000_000, 5_600_000, 600),
    Good("2701129000", "bituminous coal", 40, "070", 1_000_000, 950_000, 3_000),
    Good("2601112000", "iron ore", 35, "070", 1_000_000, 1_080_000, 5_000),
    Good("2603000010", "copper concentrate", 35, "070", 1_000_000, 21_000_000, 120),
    Good("2607000001", "lead concentrate", 10, "070", 1_000_000, 17_500_000, 60),
    Good("1201901100", "soya beans", 45, "070", 1_000_000, 4_600_000, 600),
    Good("1205109000", "rape seeds", 20, "070", 1_000_000, 5_300_000, 200),
    Good("1507900000", "soya oil", 20, "070", 1_000_000, 10_100_000, 120),
    Good("1101000001", "wheat flour", 20, "070", 1_000_000, 3_100_000, 120),
    Good("5201000010", "cotton, not carded", 60, "070", 1_000_000, 19_800_000, 90),
    Good("5101110001", "greasy wool", 10, "035", 1_000, 68_000, 20_000),
    Good("4104111100", "bovine leather", 15, "035", 1_000, 24_000, 20_000),
    Good("4403980010", "eucalyptus logs", 20, "070", 1_000_000, 1_350_000, 300),
    Good("7601101000", "aluminium ingots", 20, "070", 1_000_000, 23_400_000, 80),
    Good("7403111900", "copper cathodes", 35, "070", 1_000_000, 86_000_000, 60),
    Good("7207110000", "steel billets", 10, "070", 1_000_000, 4_900_000, 400),
    Good("3104200000", "potassium chloride", 25, "070", 1_000_000, 3_400_000, 500),
    Good("3901200090", "polyethylene", 30, "070", 1_000_000, 9_600_000, 150),
    Good("2905110000", "methanol", 20, "070", 1_000_000, 2_950_000, 400),
    Good("2905310000", "ethylene glycol", 10, "070", 1_000_000, 5_150_000, 250),
    Good("0802510000", "pistachios in shell", 20, "035", 1_000, 74_000, 24_000),
    Good("0202300090", "frozen boneless beef", 25, "035", 1_000, 52_000, 26_000),
    Good("0303670000", "frozen pollock", 25, "035", 1_000, 11_000, 27_000),
    Good("1806900000", "chocolate", 10, "035", 1_000, 61_000, 8_000),
    Good("2204210000", "wine in bottles", 10, "007", 750, 83_000, 9_000),
    Good("8479899990", "processing machine", 15, "001", 850_000, 310_000_000, 6),
    Good("8703236101", "passenger car, petrol", 10, "003", 1_650_000, 320_000_000, 12),
    Good("8542319000", "processor chips", 25, "007", 2, 61_000, 60_000),
    Good("3004909099", "medicaments", 15, "035", 1_000, 1_450_000, 900),
    Good("8411129010", "turbojets", 1, "001", 6_100_000, 98_000_000_000, 1),
    Good("7108130000", "gold, semi-manufactured", 1, "036", 1, 1_320_000, 40_000),
)

EXPORTS = (
    Good("8703800010", "electric passenger car", 70, "003", 1_780_000, 215_000_000, 40),
    Good("8703600010", "plug-in hybrid car", 30, "003", 1_900_000, 234_000_000, 30),
    Good("8703401010", "hybrid car", 15, "003", 1_600_000, 188_000_000, 20),
    Good("8541430000", "solar modules", 65, "007", 28_000, 720_000, 6_000),
    Good("8541420000", "solar cells", 20, "007", 10, 2_100, 400_000),
    Good("8507600090", "lithium-ion batteries", 60, "007", 95_000, 9_800_000, 800),
    Good("8471301000", "notebook computers", 30, "001", 1_600, 4_300_000, 1_500),
    Good("8517130000", "smartphones", 30, "001", 210, 2_450_000, 3_000),
    Good("8528729200", "television sets", 15, "001", 14_500, 1_720_000, 900),
    Good("8415101000", "air conditioners", 20, "001", 38_000, 2_080_000, 900),
    Good("8429521200", "excavators", 15, "001", 22_000_000, 865_000_000, 6),
    Good("8704210000", "light lorries", 20, "003", 2_300_000, 143_000_000, 16),
    Good("8704223000", "lorries", 15, "003", 7_900_000, 318_000_000, 10),
    Good("8708299000", "car body parts", 30, "035", 1_000, 78_000, 18_000),
    Good("4011200010", "lorry tyres", 60, "007", 54_000, 1_180_000, 1_100),
    Good("7308900000", "steel structures", 35, "035", 1_000, 14_500, 26_000),
    Good("7208511000", "hot-rolled plate", 25, "035", 1_000, 5_900, 120_000),
    Good("7606125100", "aluminium sheet", 20, "035", 1_000, 33_000, 24_000),
    Good("6907211000", "ceramic tiles", 20, "035", 1_000, 4_200, 27_000),
    Good("9401619000", "upholstered seats", 20, "007", 23_000, 1_060_000, 500),
    Good("9403609900", "wooden furniture", 20, "007", 31_000, 940_000, 450),
    Good("9503006000", "toys", 20, "007", 400, 43_000, 12_000),
    Good("6109100021", "cotton T-shirts", 25, "011", 160, 38_000, 20_000),
    Good("6204620000", "women's trousers", 20, "011", 420, 81_000, 9_000),
    Good("6402992900", "footwear", 20, "025", 700, 94_000, 7_000),
    Good("4202920000", "travel bags", 20, "007", 600, 72_000, 6_000),
    Good("3926909090", "articles of plastics", 25, "035", 1_000, 41_000, 9_000),
    Good("7326909000", "articles of steel", 20, "035", 1_000, 29_000, 16_000),
    Good("8481804090", "valves", 20, "007", 1_900, 126_000, 8_000),
    Good("8504401400", "power supplies", 20, "007", 3_200, 310_000, 3_000),
    Good("8537109090", "control panels", 15, "007", 8_500, 1_450_000, 400),
    Good("0703201000", "garlic", 40, "035", 1_000, 12_500, 27_000),
    Good("2002901100", "tomato paste", 25, "035", 1_000, 11_200, 24_000),
    Good("0304620000", "frozen catfish fillets", 15, "035", 1_000, 31_000, 24_000),
    Good("2815110000", "caustic soda", 15, "070", 1_000_000, 4_300_000, 200),
    Good("3102100010", "urea", 15, "070", 1_000_000, 3_650_000, 300),
    Good("5407520000", "polyester fabric", 20, "030", 180, 21_000, 90_000),
    Good("6302601000", "towels", 15, "035", 1_000, 73_000, 9_000),
    Good("3304990039", "cosmetics", 15, "035", 1_000, 164_000, 4_000),
    Good("8609001000", "containers of 20 feet", 10, "007", 2_200_000, 27_500_000, 50),
)
