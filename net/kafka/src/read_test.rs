use super::*;

fn plain(bytes: &'static [u8]) -> Reader {
    Reader::new(Bytes::from_static(bytes), false)
}

fn compact(bytes: &'static [u8]) -> Reader {
    Reader::new(Bytes::from_static(bytes), true)
}

#[test]
fn numbers_are_big_endian() {
    let mut reader = plain(&[1, 0, 2, 0, 0, 0, 3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfc]);
    assert_eq!(reader.i8(), Ok(1));
    assert_eq!(reader.i16(), Ok(2));
    assert_eq!(reader.i32(), Ok(3));
    assert_eq!(reader.i64(), Ok(-4));
    assert_eq!(
        reader.i8(),
        Err(DecodeError::UnexpectedEnd { offset: 15, needed: 1, remaining: 0 })
    );
}

#[test]
fn any_negative_length_is_null() {
    assert_eq!(plain(&[0xff, 0xff]).nullable_string(), Ok(None));
    assert_eq!(plain(&[0xff, 0xfe]).nullable_string(), Ok(None));
    assert_eq!(plain(&[0xff, 0xff, 0xff, 0xfe]).nullable_bytes(), Ok(None));
    assert_eq!(compact(&[0]).nullable_string(), Ok(None));
    assert!(plain(&[0xff, 0xff]).string().is_err());
    assert!(compact(&[0]).string().is_err());
    assert!(compact(&[0]).array_of(1, Reader::i8).is_err());
    assert_eq!(compact(&[0]).nullable_array_of(1, Reader::i8), Ok(None));
}

#[test]
fn broken_text_is_mended() {
    assert_eq!(compact(b"\x04a\xffb").string().unwrap().as_str(), "a\u{fffd}b");
}

#[test]
fn a_text_is_no_longer_than_16_bits_can_say() {
    let text_of = |length: u32| {
        let mut bytes = vec![0x80 | (length + 1) as u8, 0x80 | ((length + 1) >> 7) as u8];
        bytes.push(((length + 1) >> 14) as u8);
        bytes.resize(3 + length as usize, b'x');
        Reader::new(bytes.into(), true).string()
    };
    assert_eq!(text_of(32_767).unwrap().as_str().len(), 32_767);
    assert!(matches!(text_of(32_768), Err(DecodeError::LimitExceeded { limit: 32_767, .. })));
}

#[test]
fn varints_have_at_most_five_bytes_and_32_bits() {
    assert_eq!(compact(&[0x7f]).varint(), Ok(127));
    assert_eq!(compact(&[0x80, 0x01]).varint(), Ok(128));
    assert_eq!(compact(&[0xff, 0xff, 0xff, 0xff, 0x0f]).varint(), Ok(u32::MAX));
    let malformed = Err(DecodeError::MalformedVarint { offset: 0 });
    assert_eq!(compact(&[0xff, 0xff, 0xff, 0xff, 0x1f]).varint(), malformed);
    assert_eq!(compact(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x00]).varint(), malformed);
    assert!(compact(&[0x80]).varint().is_err());
}

#[test]
fn a_count_is_believed_only_as_far_as_bytes_back_it() {
    let counts: [&'static [u8]; 2] = [&[0x7f, 0xff, 0xff, 0xff, 0, 0], &[0, 0, 0, 3, 0, 0]];
    for count in counts {
        let result = plain(count).array_of(1, |_| -> Result<(), _> { panic!("no entry is read") });
        assert!(result.is_err());
    }
    assert_eq!(plain(&[0, 0, 0, 2, 5, 6]).array_of(1, Reader::i8), Ok(vec![5, 6]));
}

#[test]
fn an_array_of_more_than_a_million_entries_is_refused_though_its_bytes_are_there() {
    let count = ARRAY_ENTRIES_MAX as u32 + 1;
    let mut bytes = count.to_be_bytes().to_vec();
    bytes.resize(4 + count as usize, 0);
    let result = Reader::new(bytes.into(), false).array_of(1, Reader::i8);
    assert!(matches!(result, Err(DecodeError::LimitExceeded { .. })));
}

#[test]
fn tagged_fields_may_be_unknown_repeated_and_out_of_order() {
    let mut reader = compact(&[3, 9, 1, 0xaa, 2, 2, 0, 7, 9, 0, 0x55]);
    let mut seen = Vec::new();
    reader
        .tags(|tag, field| {
            seen.push((tag, field.remaining()));
            // Two bytes are not an int32: the field cannot read into what follows it.
            assert!(field.i32().is_err());
            Ok(())
        })
        .unwrap();
    assert_eq!(seen, [(9, 1), (2, 2), (9, 0)]);
    assert_eq!(reader.i8(), Ok(0x55));
}

#[test]
fn a_tagged_field_that_ends_behind_its_message_is_an_error() {
    assert!(compact(&[1, 9, 5, 0]).skip_tags().is_err());
    assert!(compact(&[0xff, 0xff, 0xff, 0xff, 0x0f]).skip_tags().is_err());
}
