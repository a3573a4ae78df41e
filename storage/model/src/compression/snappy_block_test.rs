use snap::raw::Encoder;

use super::Block;

/// Literals of every length class, short and long copies, near and far, and copies of themselves.
fn plain() -> Vec<u8> {
    let mut noise = 1u32;
    let mut noisy = |bytes: usize| -> Vec<u8> {
        (0..bytes)
            .map(|_| {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (noise >> 24) as u8
            })
            .collect()
    };
    let mut plain = Vec::new();
    for bytes in [1, 59, 60, 61, 255, 256, 257, 300, 5_000, 70_000] {
        plain.extend(noisy(bytes));
        let near = plain[plain.len().saturating_sub(40)..].to_vec();
        plain.extend(near);
        let far = plain[..plain.len().min(1_000)].to_vec();
        plain.extend(far);
        plain.extend(std::iter::repeat_n(7, bytes));
    }
    plain
}

/// `None` if the block is corrupt.
fn read(block: &[u8], plain_bytes: usize, piece_bytes: usize) -> Option<Vec<u8>> {
    let mut block = Block::begin(block, plain_bytes)?;
    let (mut out, mut piece) = (Vec::new(), vec![0; piece_bytes]);
    loop {
        match block.read(&mut piece)? {
            0 => return Some(out),
            count => out.extend_from_slice(&piece[..count]),
        }
    }
}

#[test]
fn pieces_of_every_size_make_the_whole() {
    let plain = plain();
    let packed = Encoder::new().compress_vec(&plain).expect("packed");
    for piece_bytes in [1, 7, 1_000, plain.len(), plain.len() + 1] {
        assert!(read(&packed, plain.len(), piece_bytes).as_ref() == Some(&plain), "{piece_bytes}");
    }
}

/// A piece takes no more memory than what was asked for, but for one copy.
#[test]
fn no_more_is_unpacked_than_was_asked_for() {
    let plain = plain();
    let packed = Encoder::new().compress_vec(&plain).expect("packed");
    let mut block = Block::begin(&packed, plain.len()).expect("a block");
    let mut asked = 0;
    while asked < plain.len() / 2 {
        asked += block.read(&mut [0; 100]).expect("sound");
        assert!(block.plain.len() <= asked + 64, "{} for {asked}", block.plain.len());
    }
}

#[test]
fn elements_are_read_as_they_are_described() {
    // Each behind a preamble of one byte, which is not looked at.
    let four = [b"\0\x0cabcd".as_slice(), &[]].concat();
    assert_eq!(read(&four, 4, 9).as_deref(), Some(&b"abcd"[..]));
    let with = |element: &[u8]| [&four, element].concat();
    // Copies of 4 + 1 bytes from 3 back, by one byte of offset; of 3 by two; of 2 by four.
    assert_eq!(read(&with(&[0b101, 3]), 9, 99).as_deref(), Some(&b"abcdbcdbc"[..]));
    assert_eq!(read(&with(&[0b1010, 4, 0]), 7, 99).as_deref(), Some(&b"abcdabc"[..]));
    assert_eq!(read(&with(&[0b111, 1, 0, 0, 0]), 6, 99).as_deref(), Some(&b"abcddd"[..]));
    // A literal whose length takes one byte.
    assert_eq!(read(&with(&[60 << 2, 1, b'x', b'y']), 6, 99).as_deref(), Some(&b"abcdxy"[..]));
}

#[test]
fn what_no_packer_writes_is_corrupt() {
    let four = b"\0\x0cabcd".as_slice();
    let with = |element: &[u8]| [four, element].concat();
    for (what, element, plain_bytes) in [
        ("a copy from before the beginning", &[0b101, 5][..], 9),
        ("a copy from nowhere", &[0b101, 0], 9),
        ("a copy beyond the end", &[0b101, 3], 8),
        ("an offset that is cut", &[0b1010, 4], 7),
        ("a literal beyond the end", &[1 << 2, b'x', b'y'], 5),
        ("a literal that is cut", &[1 << 2, b'x'], 6),
        ("bytes behind the end", &[0], 4),
        ("less than was claimed", &[], 5),
    ] {
        for piece_bytes in [1, 99] {
            assert_eq!(read(&with(element), plain_bytes, piece_bytes), None, "{what}");
        }
    }
    assert!(Block::begin(&[0x80, 0x80], 4).is_none(), "a preamble without an end");
}
