use super::*;

#[test]
fn latencies_have_three_digits() {
    let texts = [1_000, 999_000, 1_234_567, 65_400_000, 1_500_000_000].map(latency_text);
    assert_eq!(texts, ["1 µs", "999 µs", "1.23 ms", "65.4 ms", "1.50 s"]);
}

#[test]
fn bytes_and_rates_are_decimal() {
    let texts = [0.0, 999.0, 1000.0, 999_500.0, 45_600_000.0, 1.3e9].map(bytes_text);
    assert_eq!(texts, ["0 B", "999 B", "1.00 kB", "1.00 MB", "45.6 MB", "1.30 GB"]);
    assert_eq!([20.0, 20_000.0, 9.87e6].map(rate_text), ["20", "20.0 k", "9.87 M"]);
}
