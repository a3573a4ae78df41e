//! Backslash escapes in separators and formats.

/// The bytes that a text with `\n`, `\r`, `\t`, `\0`, `\\` and `\xNN` stands for.
pub fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (plain, escape) = rest.split_at(at);
        bytes.extend_from_slice(plain.as_bytes());
        let (byte, behind) = take_escape(escape)?;
        bytes.push(byte);
        rest = behind;
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(bytes)
}

/// Reads one escape off a text that begins with its backslash.
pub fn take_escape(text: &str) -> Result<(u8, &str), String> {
    let unknown = || format!("no such escape: {}", text.chars().take(4).collect::<String>());
    let rest = text.strip_prefix('\\').ok_or_else(unknown)?;
    if let Some(hex) = rest.strip_prefix('x') {
        let (digits, behind) = hex.split_at_checked(2).ok_or_else(unknown)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(unknown());
        }
        return Ok((u8::from_str_radix(digits, 16).map_err(|_| unknown())?, behind));
    }
    let mut letters = rest.chars();
    let byte = match letters.next() {
        Some('n') => b'\n',
        Some('r') => b'\r',
        Some('t') => b'\t',
        Some('0') => 0,
        Some('\\') => b'\\',
        _ => return Err(unknown()),
    };
    Ok((byte, letters.as_str()))
}

/// [`unescape`] for separators, which must not be empty.
pub fn parse_separator(text: &str) -> Result<Vec<u8>, String> {
    let bytes = unescape(text)?;
    if bytes.is_empty() { Err("must not be empty".into()) } else { Ok(bytes) }
}

#[cfg(test)]
#[path = "escapes_test.rs"]
mod escapes_test;
