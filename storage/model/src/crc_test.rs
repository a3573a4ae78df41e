use super::*;

#[test]
fn combining_gives_the_crc_of_the_whole() {
    let bytes: Vec<u8> =
        (0..100_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for at in [0, 1, 21, 61, 4096, 65_535, 99_999, 100_000] {
        let (a, b) = bytes.split_at(at);
        let combined = combine(crc32c::crc32c(a), crc32c::crc32c(b), b.len());
        assert_eq!(combined, crc32c::crc32c(&bytes), "split at {at}");
    }
}

#[test]
fn lengths_beyond_any_file_agree_with_the_slow_way() {
    for bytes in [1 << 20, (1 << 31) - 1, (1 << 31) + 12_345, 1 << 40, 1 << 60, usize::MAX] {
        assert_eq!(combine(7, 9, bytes), crc32c::crc32c_combine(7, 9, bytes), "{bytes} bytes");
    }
}
