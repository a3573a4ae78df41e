use super::*;

#[test]
fn varints_come_back() {
    for value in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
        let mut bytes = Vec::new();
        put_uvarint(&mut bytes, value);
        assert_eq!(Reader::new(&bytes).uvarint(), Ok(value));
    }
}

#[test]
fn a_varint_beyond_64_bits_is_malformed() {
    let mut bytes = [0xff; 10];
    bytes[9] = 0x02;
    assert!(matches!(Reader::new(&bytes).uvarint(), Err(DecodeError::Malformed(_))));
    assert!(matches!(Reader::new(&[0xff; 20]).uvarint(), Err(DecodeError::Malformed(_))));
}

#[test]
fn a_lying_length_is_truncation_and_costs_nothing() {
    let mut bytes = Vec::new();
    put_uvarint(&mut bytes, u64::MAX);
    bytes.extend_from_slice(b"ab");
    assert_eq!(Reader::new(&bytes).nullable_string(), Err(DecodeError::Truncated));
    assert_eq!(Reader::new(&bytes).sized(), Err(DecodeError::Truncated));
    assert_eq!(Reader::new(&bytes).skip_tagged_fields(), Err(DecodeError::Truncated));
}

#[test]
fn null_and_empty_strings_differ() {
    let mut bytes = Vec::new();
    put_nullable_string(&mut bytes, None);
    put_nullable_string(&mut bytes, Some(""));
    let mut reader = Reader::new(&bytes);
    assert_eq!(reader.nullable_string(), Ok(None));
    assert_eq!(reader.nullable_string(), Ok(Some(String::new())));
    assert!(reader.is_empty());
}
