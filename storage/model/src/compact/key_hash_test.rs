use super::KeyHasher;

/// The first vectors of the 128-bit SipHash-2-4 in its authors' reference code: the key is the
/// bytes 0 to 15, the input the first n bytes of 0, 1, 2…
#[test]
fn it_is_the_function_that_it_says() {
    let hasher = KeyHasher::new(std::array::from_fn(|at| at as u8));
    let vectors: [[u8; 16]; 2] = [
        [
            0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6, 0x6d, 0xf6, 0x72, 0x14, 0xc7, 0x55,
            0x02, 0x93,
        ],
        [
            0xda, 0x87, 0xc1, 0xd8, 0x6b, 0x99, 0xaf, 0x44, 0x34, 0x76, 0x59, 0x11, 0x9b, 0x22,
            0xfc, 0x45,
        ],
    ];
    for (bytes, expected) in vectors.into_iter().enumerate() {
        let input: Vec<u8> = (0..bytes as u8).collect();
        let hash = hasher.hash(&input);
        assert_eq!([hash.high.to_le_bytes(), hash.low.to_le_bytes()].concat(), expected);
    }
}

#[test]
fn the_secret_decides() {
    let (one, other) = (KeyHasher::new([1; 16]), KeyHasher::new([2; 16]));
    assert_eq!(one.hash(b"key"), one.hash(b"key"));
    assert_ne!(one.hash(b"key"), other.hash(b"key"));
    assert_ne!(one.hash(b""), one.hash(b"\0"));
}
