use super::*;

#[test]
fn numbers_at_the_edges_come_back() {
    for value in [0, 1, -1, 63, -64, 64, 8191, i32::MAX, i32::MIN] {
        let mut out = Vec::new();
        put_i32(&mut out, value);
        let mut rest = &out[..];
        assert_eq!(take_i32(&mut rest), Ok(value));
        assert!(rest.is_empty() && out.len() <= 5);
    }
    for value in [0, i64::MAX, i64::MIN, 1 << 34] {
        let mut out = Vec::new();
        put_i64(&mut out, value);
        assert_eq!(take_i64(&mut &out[..]), Ok(value));
        assert!(out.len() <= 10);
    }
}

#[test]
fn too_long_and_cut_short_are_told_apart() {
    assert_eq!(take_i32(&mut &[0x80; 6][..]), Err(RecordFault::VarintTooLong));
    assert_eq!(take_i64(&mut &[0x80; 11][..]), Err(RecordFault::VarintTooLong));
    assert_eq!(take_i32(&mut &[0x80; 2][..]), Err(RecordFault::BadLength));
    assert_eq!(take_i32(&mut &[][..]), Err(RecordFault::BadLength));
}
