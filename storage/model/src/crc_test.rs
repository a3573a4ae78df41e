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
fn appending_gives_the_crc_of_the_whole_whatever_the_size_and_the_place() {
    let bytes: Vec<u8> =
        (0..70_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 23) as u8).collect();
    assert_eq!(append(0, b"123456789"), 0xe306_9283, "the check value of the catalogue");
    let lengths = (0..600).chain(WIDE_BYTES_MIN - 2..WIDE_BYTES_MIN + 300);
    for length in lengths.chain([4095, 4096, 4097, 65_535, 65_536, 69_000]) {
        for start in [0, 1, 7, 21, 64, 997] {
            let (before, part) = (&bytes[..start], &bytes[start..start + length]);
            let expected = crc32c::crc32c(&bytes[..start + length]);
            assert_eq!(append(append(0, before), part), expected, "{length} bytes at {start}");
        }
    }
}

#[test]
fn lengths_beyond_any_file_agree_with_the_slow_way() {
    for bytes in [1 << 20, (1 << 31) - 1, (1 << 31) + 12_345, 1 << 40, 1 << 60, usize::MAX] {
        assert_eq!(combine(7, 9, bytes), crc32c::crc32c_combine(7, 9, bytes), "{bytes} bytes");
    }
}
