use super::*;

#[test]
fn sizes() {
    let good = [("4096", 4096), ("64MiB", 64 << 20), ("8GB", 8_000_000_000), ("1.5 kB", 1500)];
    for (text, bytes) in good {
        assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
    }
    for text in ["", "MB", "-1", "ten", "1e99", "nan", "5 apples"] {
        assert!(parse_bytes(text).is_err(), "{text}");
    }
}

#[test]
fn rates_of_bytes_and_of_records() {
    assert_eq!(parse_rate("450MB/s"), Ok(Rate::BytesPerSecond(450e6)));
    assert_eq!(parse_rate("1GiB"), Ok(Rate::BytesPerSecond(1073741824.0)));
    assert_eq!(parse_rate("20k"), Ok(Rate::RecordsPerSecond(20e3)));
    assert_eq!(parse_rate("1.5M/s"), Ok(Rate::RecordsPerSecond(1.5e6)));
    assert_eq!(parse_rate("100000"), Ok(Rate::RecordsPerSecond(1e5)));
    for text in ["", "0", "-5k", "MB/s", "fast", "inf"] {
        assert!(parse_rate(text).is_err(), "{text}");
    }
}

#[test]
fn times() {
    assert_eq!(parse_seconds("0.5"), Ok(Duration::from_millis(500)));
    assert_eq!(parse_seconds("30s"), Ok(Duration::from_secs(30)));
    for text in ["", "-1", "soon", "1e30"] {
        assert!(parse_seconds(text).is_err(), "{text}");
    }
}
