//! Numbers with as many digits as mean something, and their units.

/// Nanoseconds, as µs, ms or s.
pub fn latency_text(nanos: u64) -> String {
    let nanos = nanos as f64;
    match nanos {
        _ if nanos < 1e6 => format!("{:.0} µs", nanos / 1e3),
        _ if nanos < 1e7 => format!("{:.2} ms", nanos / 1e6),
        _ if nanos < 1e9 => format!("{:.1} ms", nanos / 1e6),
        _ => format!("{:.2} s", nanos / 1e9),
    }
}

/// Decimal units, as devices and networks are sold in.
pub fn bytes_text(bytes: f64) -> String {
    scaled(bytes, "B", &["kB", "MB", "GB", "TB"])
}

/// Of records, requests and the like; the unit is the reader's.
pub fn rate_text(rate: f64) -> String {
    scaled(rate, "", &["k", "M", "G", "T"]).trim_end().to_owned()
}

fn scaled(value: f64, unit: &str, larger: &[&str]) -> String {
    let mut value = value;
    let mut name = unit;
    for next in larger {
        if value < 999.5 {
            break;
        }
        value /= 1000.0;
        name = next;
    }
    let digits = if name == unit || value >= 99.95 {
        0
    } else if value >= 9.995 {
        1
    } else {
        2
    };
    format!("{value:.digits$} {name}")
}

#[cfg(test)]
#[path = "units_test.rs"]
mod units_test;
