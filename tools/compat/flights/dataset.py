"""The flights that left New York in 2013: 336,776 CSV rows, keyed by carrier (16 of them)."""

from digest import Digest

ROWS = 336_776
KEY_COLUMN = "carrier"
SEPARATOR = "|"  # between key and value, for kcat and `pelton consume`; in no row


def prepare(csv_path, keyed_path):
    """Writes `key|row` lines for kcat and returns the expected digest."""
    digest = Digest()
    with open(csv_path, encoding="utf-8") as rows, open(keyed_path, "w", encoding="utf-8") as keyed:
        column = next(rows).rstrip("\n").split(",").index(KEY_COLUMN)
        for line in rows:
            row = line.rstrip("\n")
            key = row.split(",")[column]
            if SEPARATOR in row or '"' in row:
                raise ValueError(f"a row that needs quoting: {row}")
            keyed.write(f"{key}{SEPARATOR}{row}\n")
            digest.add(key.encode(), row.encode())
    expected = digest.finish()
    if expected.count != ROWS:
        raise ValueError(f"{csv_path} has {expected.count} rows, not {ROWS}")
    return expected
