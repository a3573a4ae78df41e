//! Sizes, rates and times as people write them.

use std::time::Duration;

use pelton_bench::schedule::Rate;

const UNITS: [(&str, f64); 9] = [
    ("KiB", 1024.0),
    ("MiB", 1048576.0),
    ("GiB", 1073741824.0),
    ("kB", 1e3),
    ("KB", 1e3),
    ("MB", 1e6),
    ("GB", 1e9),
    ("TB", 1e12),
    ("B", 1.0),
];
const MULTIPLES: [(&str, f64); 3] = [("k", 1e3), ("M", 1e6), ("G", 1e9)];

/// `64MiB`, `8GB`, `4096`.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let bytes = with_unit(text, &UNITS).or_else(|| number(text));
    match bytes {
        Some(bytes) if bytes >= 0.0 && bytes < u64::MAX as f64 => Ok(bytes as u64),
        _ => Err("a size, as 4096, 64MiB or 8GB".into()),
    }
}

/// `450MB/s` is of bytes; `20k`, `100000` and `1.5M/s` are of records.
pub fn parse_rate(text: &str) -> Result<Rate, String> {
    let amount = text.strip_suffix("/s").unwrap_or(text);
    let rate = with_unit(amount, &UNITS)
        .map(Rate::BytesPerSecond)
        .or_else(|| with_unit(amount, &MULTIPLES).map(Rate::RecordsPerSecond))
        .or_else(|| number(amount).map(Rate::RecordsPerSecond));
    match rate {
        Some(Rate::BytesPerSecond(value) | Rate::RecordsPerSecond(value)) if value <= 0.0 => {
            Err("a rate is more than 0".into())
        }
        Some(rate) => Ok(rate),
        None => Err("bytes a second, as 450MB/s, or records a second, as 20k".into()),
    }
}

/// Seconds, with a fraction if need be.
pub fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds = number(text.strip_suffix('s').unwrap_or(text));
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "seconds, as 30 or 0.5".into())
}

fn with_unit(text: &str, units: &[(&str, f64)]) -> Option<f64> {
    units.iter().find_map(|(unit, factor)| {
        let amount = text.strip_suffix(unit)?;
        number(amount.trim_end()).map(|amount| amount * factor)
    })
}

fn number(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|number| number.is_finite())
}

#[cfg(test)]
#[path = "quantity_test.rs"]
mod quantity_test;
