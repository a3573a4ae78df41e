use super::*;

fn text(frame: Frame) -> Vec<Vec<u8>> {
    frame.pieces().iter().map(|piece| piece.to_vec()).collect()
}

#[test]
fn slices_stand_between_our_own_bytes_and_are_not_copied() {
    let records = Bytes::from_static(b"records");
    let mut writer = Writer::new(16, false);
    writer.i8(1);
    writer.nullable_bytes(Some(&[records.clone(), Bytes::new(), records.clone()])).unwrap();
    writer.i8(2);
    let frame = writer.finish().unwrap();
    assert_eq!(frame.total_bytes(), 4 + 1 + 4 + 14 + 1);
    assert_eq!(frame.pieces()[1].as_ptr(), records.as_ptr());
    assert_eq!(
        text(frame.clone()),
        [&b"\0\0\0\x14\x01\0\0\0\x0e"[..], b"records", b"records", b"\x02"]
    );
    assert_eq!(&frame.into_contiguous()[..], b"\0\0\0\x14\x01\0\0\0\x0erecordsrecords\x02");
}

#[test]
fn a_frame_may_end_with_a_slice() {
    let mut writer = Writer::new(16, true);
    writer.nullable_bytes(Some(&[Bytes::from_static(b"end")])).unwrap();
    assert_eq!(text(writer.finish().unwrap()), [&b"\0\0\0\x04\x04"[..], b"end"]);
}

#[test]
fn null_and_empty_differ() {
    let mut writer = Writer::new(16, false);
    writer.nullable_bytes(None).unwrap();
    writer.nullable_bytes(Some(&[])).unwrap();
    writer.set_flexible(true);
    writer.nullable_string(None).unwrap();
    writer.nullable_string(Some("")).unwrap();
    let frame = writer.finish().unwrap().into_contiguous();
    assert_eq!(&frame[4..], b"\xff\xff\xff\xff\0\0\0\0\0\x01");
}

/// The length in front of a field takes one byte, two or three.
#[test]
fn tagged_fields_of_every_size_come_out_whole() {
    for size in [0, 1, 0x7f, 0x80, 0x3fff, 0x4000] {
        let mut writer = Writer::new(0, true);
        writer.i8(1);
        writer
            .tag(5, |writer| {
                (0..size).for_each(|at| writer.i8(at as i8));
                Ok(())
            })
            .unwrap();
        writer.i8(2);
        let frame = writer.finish().unwrap().into_contiguous();

        let mut reader = crate::read::Reader::new(frame.slice(4..), true);
        assert_eq!(reader.i8(), Ok(1));
        assert_eq!(reader.varint(), Ok(5));
        assert_eq!(reader.varint(), Ok(size));
        (0..size).for_each(|at| assert_eq!(reader.i8(), Ok(at as i8)));
        assert_eq!(reader.i8(), Ok(2));
        assert_eq!(reader.remaining(), 0);
    }
}

#[test]
fn text_that_a_length_cannot_say_is_an_error() {
    let long = "x".repeat(i16::MAX as usize + 1);
    assert!(Writer::new(0, false).string(&long).is_err());
    assert!(Writer::new(0, true).string(&long).is_ok());
}
