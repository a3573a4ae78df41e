use super::*;
use std::io::Write;

const CODECS: [Compression; 4] =
    [Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd];

fn text(bytes: usize) -> Vec<u8> {
    b"a line that repeats, with a number: ".iter().cycle().take(bytes).copied().collect()
}

#[test]
fn every_codec_gives_back_what_it_took() {
    for codec in Compression::ALL {
        for bytes in [0, 1, 100, 32 << 10, 200_000] {
            let plain = text(bytes);
            let compressed = compress(codec, codec.default_level(), &plain);
            assert_eq!(decompress_bounded(codec, &compressed, bytes), Ok(plain), "{codec} {bytes}");
        }
    }
}

#[test]
fn one_byte_above_the_bound_is_refused() {
    for codec in Compression::ALL {
        for bytes in [1, 100_000] {
            let compressed = compress(codec, codec.default_level(), &text(bytes));
            let refused = DecompressError::TooLarge { bytes_max: bytes - 1 };
            assert_eq!(decompress_bounded(codec, &compressed, bytes - 1), Err(refused), "{codec}");
        }
    }
}

#[test]
fn a_cut_at_any_place_is_an_error() {
    for codec in CODECS {
        let plain = text(1_000);
        let compressed = compress(codec, codec.default_level(), &plain);
        for cut in 0..compressed.len() {
            let read = decompress_bounded(codec, &compressed[..cut], 1 << 20);
            // Xerial's framing has no end mark: its header alone is an empty stream.
            assert!(read.is_err() || read == Ok(Vec::new()), "{codec} cut at {cut}");
        }
    }
}

#[test]
fn levels_out_of_range_act_as_the_nearest() {
    for codec in CODECS {
        for level in [i32::MIN, -1, 0, 1, 9, 22, i32::MAX] {
            if codec == Compression::Zstd && level > 22 {
                continue; // The same as 22, which takes long for nothing.
            }
            let compressed = compress(codec, level, &text(1_000));
            assert_eq!(decompress_bounded(codec, &compressed, 1_000), Ok(text(1_000)));
        }
    }
}

#[test]
fn linked_lz4_blocks_are_read_and_told() {
    let frame = lz4_flex::frame::FrameInfo::new()
        .block_size(lz4_flex::frame::BlockSize::Max64KB)
        .block_mode(lz4_flex::frame::BlockMode::Linked);
    let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(frame, Vec::new());
    encoder.write_all(&text(300_000)).unwrap();
    let linked = encoder.finish().unwrap();
    assert!(lz4_has_linked_blocks(&linked));
    assert!(!lz4_has_linked_blocks(&compress(Compression::Lz4, 9, &text(300_000))));
    assert_eq!(decompress_bounded(Compression::Lz4, &linked, 300_000), Ok(text(300_000)));
}

#[test]
fn bytes_behind_an_lz4_frame_are_refused() {
    let mut compressed = compress(Compression::Lz4, 9, b"abc");
    compressed.push(0);
    let refused = DecompressError::Corrupt(Compression::Lz4);
    assert_eq!(decompress_bounded(Compression::Lz4, &compressed, 100), Err(refused));
}
