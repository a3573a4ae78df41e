//! Java's properties, as far as driver files use them.

/// Names and values in order. A line is `name=value` or `name: value`; `#` and `!` begin comments.
pub(super) fn parse(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with(['#', '!']));
    let split = |line: &str| match line.split_once(['=', ':']) {
        Some((name, value)) => (name.trim().to_owned(), value.trim().to_owned()),
        None => (line.to_owned(), String::new()),
    };
    lines.map(split).collect()
}

#[cfg(test)]
#[path = "properties_test.rs"]
mod properties_test;
