use super::*;

/// RFC 4648, section 10.
const VECTORS: [(&str, &str); 7] = [
    ("", ""),
    ("f", "Zg=="),
    ("fo", "Zm8="),
    ("foo", "Zm9v"),
    ("foob", "Zm9vYg=="),
    ("fooba", "Zm9vYmE="),
    ("foobar", "Zm9vYmFy"),
];

#[test]
fn the_vectors_of_the_rfc_hold() {
    for (plain, coded) in VECTORS {
        assert_eq!(encode(plain.as_bytes()), coded);
        assert_eq!(decode(coded).as_deref(), Some(plain.as_bytes()));
    }
    let all: Vec<u8> = (0..=255).collect();
    assert_eq!(decode(&encode(&all)), Some(all));
}

#[test]
fn what_is_not_base64_is_refused() {
    for text in ["Z", "Zg", "Zg=", "Zg===", "====", "Zh==", "Z!==", "Zm9v\n", "Z=g="] {
        assert_eq!(decode(text), None, "{text}");
    }
}
