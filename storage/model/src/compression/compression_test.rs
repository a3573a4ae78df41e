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

/// Compressible, and not the same everywhere.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let mut next = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 28) as u8
    };
    (0..bytes).map(|at| if at % 1000 < 300 { b'=' } else { next() }).collect()
}

#[test]
fn what_is_packed_and_unpacked_in_pieces_is_the_same() {
    let plain = noise(300_000);
    for codec in Compression::ALL {
        for piece_bytes in [77, 32 << 10, 1 << 20] {
            let mut packer = Packer::new(codec, codec.default_level(), 5, usize::MAX);
            plain.chunks(piece_bytes).for_each(|piece| packer.write(piece));
            let (bytes, packed) = packer.finish();
            let packed = packed.unwrap();
            assert_eq!((packed.len(), &packed[..5]), (bytes, &[0; 5][..]));
            let packed = &packed[5..];
            let mut unpacker = Unpacker::new(codec, packed, plain.len()).unwrap();
            let (mut unpacked, mut piece) = (Vec::new(), vec![0; piece_bytes]);
            loop {
                match unpacker.read(&mut piece).unwrap() {
                    0 => break,
                    count => unpacked.extend_from_slice(&piece[..count]),
                }
            }
            assert!(unpacked == plain, "{codec} by {piece_bytes}");
            assert!(decompress_bounded(codec, packed, plain.len()).as_ref() == Ok(&plain));
        }
    }
}

#[test]
fn what_is_too_much_to_keep_is_counted() {
    for codec in Compression::ALL {
        let packed = |bytes_max| {
            let mut packer = Packer::new(codec, codec.default_level(), 10, bytes_max);
            packer.write(&noise(100_000));
            packer.finish()
        };
        let (bytes, kept) = packed(usize::MAX);
        assert_eq!(kept.unwrap().len(), bytes);
        assert_eq!(packed(bytes).0, bytes);
        assert!(packed(bytes).1.is_some());
        assert_eq!(packed(bytes - 1), (bytes, None), "{codec}");
    }
}

#[test]
fn a_large_snappy_block_is_unpacked_as_the_library_does() {
    let mut plain = noise(400_000);
    plain.extend(text(200_000));
    plain.extend([0; 100_000]);
    let packed = snap::raw::Encoder::new().compress_vec(&plain).unwrap();
    for bytes_max in [plain.len(), usize::MAX] {
        assert!(decompress_bounded(Compression::Snappy, &packed, bytes_max).as_ref() == Ok(&plain));
    }
    let refused = Err(DecompressError::TooLarge { bytes_max: plain.len() - 1 });
    assert!(decompress_bounded(Compression::Snappy, &packed, plain.len() - 1) == refused);
    let corrupt = Err(DecompressError::Corrupt(Compression::Snappy));
    for cut in [4, 1000, packed.len() / 2, packed.len() - 1] {
        assert!(decompress_bounded(Compression::Snappy, &packed[..cut], usize::MAX) == corrupt);
    }
    let mut longer = packed.clone();
    longer.push(0);
    assert!(decompress_bounded(Compression::Snappy, &longer, usize::MAX) == corrupt);
    let mut decoder = snap::raw::Decoder::new();
    for at in (0..packed.len()).step_by(packed.len() / 300) {
        let mut damaged = packed.clone();
        damaged[at] ^= 0x55;
        let theirs = decoder.decompress_vec(&damaged).ok();
        let ours = decompress_bounded(Compression::Snappy, &damaged, 1 << 20).ok();
        assert!(ours == theirs, "damage at {at}");
    }
}

#[test]
fn what_a_context_did_before_changes_nothing() {
    let apart = |bytes: usize, level: i32| {
        std::thread::scope(|scope| {
            scope.spawn(|| compress(Compression::Zstd, level, &text(bytes))).join().unwrap()
        })
    };
    for (bytes, level) in [(1_000, 3), (200_000, 19), (0, 3), (100, 1), (1_000, 3)] {
        let compressed = compress(Compression::Zstd, level, &text(bytes));
        assert_eq!(compressed, apart(bytes, level), "{bytes} bytes, level {level}");
        // One that fails in the middle of a frame, and one that is too large.
        let cut = &compressed[..compressed.len() - 1];
        assert!(decompress_bounded(Compression::Zstd, cut, bytes).is_err());
        if bytes > 0 {
            assert!(decompress_bounded(Compression::Zstd, &compressed, bytes - 1).is_err());
        }
        assert_eq!(decompress_bounded(Compression::Zstd, &compressed, bytes), Ok(text(bytes)));
    }
}

#[test]
fn frames_one_after_another_are_read_as_one() {
    let mut frames = compress(Compression::Zstd, 3, &text(70_000));
    frames.extend(compress(Compression::Zstd, 3, b""));
    frames.extend(compress(Compression::Zstd, 3, b"more"));
    let all = [text(70_000), b"more".to_vec()].concat();
    assert_eq!(decompress_bounded(Compression::Zstd, &frames, all.len()), Ok(all));
    let refused = DecompressError::Corrupt(Compression::Zstd);
    frames.push(0);
    assert_eq!(decompress_bounded(Compression::Zstd, &frames, 1 << 20), Err(refused));
}

/// What other libraries write: each optional field of the header, and checksums of blocks.
#[test]
fn lz4_frames_of_every_kind_are_read() {
    use lz4_flex::frame::{BlockMode, FrameEncoder, FrameInfo};
    let plain = [text(100_000), noise(100_000)].concat();
    for options in 0..16 {
        let has = |option: u32| options & 1 << option != 0;
        let mode = if has(0) { BlockMode::Linked } else { BlockMode::Independent };
        let info = FrameInfo::new()
            .block_mode(mode)
            .block_checksums(has(1))
            .content_checksum(has(2))
            .content_size(has(3).then_some(plain.len() as u64));
        let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
        encoder.write_all(&plain).expect("written");
        let mut packed = encoder.finish().expect("finished");
        let read = |packed: &[u8]| decompress_bounded(Compression::Lz4, packed, plain.len());
        assert!(read(&packed).as_ref() == Ok(&plain), "options {options:#b}");
        packed.push(0);
        assert!(read(&packed).is_err(), "a byte behind, options {options:#b}");
    }
}

/// KIP-390, and what Kafka's own enum says.
#[test]
fn levels_are_kafkas_where_none_is_configured() {
    let levels = Compression::ALL.map(|codec| (codec.name(), codec.default_level()));
    let kafkas = [("none", 0), ("gzip", -1), ("snappy", 0), ("lz4", 9), ("zstd", 3)];
    assert_eq!(levels, kafkas);
    for codec in Compression::ALL {
        let fields = crate::batch::BatchFields::compressed(codec);
        assert_eq!((fields.compression, fields.compression_level), (codec, codec.default_level()));
    }
}

/// A block is written as soon as it is whole, however it comes.
#[test]
fn snappy_blocks_are_whole_whatever_the_pieces_are() {
    let plain = text(200_000);
    let whole = compress(Compression::Snappy, 0, &plain);
    for piece_bytes in [1_000, 32 << 10, 33 << 10] {
        let mut framer = snappy::Framer::new(Vec::new());
        for piece in plain.chunks(piece_bytes) {
            framer.write_all(piece).expect("it takes every byte");
        }
        assert!(framer.finish() == whole, "pieces of {piece_bytes}");
    }
}

/// A few bytes that claim more than any block of theirs can hold are refused before memory is taken.
#[test]
fn a_snappy_block_that_claims_too_much_is_refused_at_once() {
    let claims = |bytes: u8| [bytes, 0, 0, 0, 0];
    let begin = |block: &[u8]| Unpacker::new(Compression::Snappy, block, usize::MAX).err();
    let corrupt = Some(DecompressError::Corrupt(Compression::Snappy));
    assert_eq!(begin(&[0x80, 0x80, 0x80, 0x01, 0]), corrupt, "2 MiB in five bytes");
    assert_eq!(begin(&claims(111)), corrupt, "one byte above 22 for each");
}

/// The optional parts of the header of an LZ4 frame are passed over, each by its length.
#[test]
fn an_lz4_frame_may_name_its_size_and_a_dictionary() {
    const INDEPENDENT: u8 = 0x60;
    for (flags, optional) in [(0, 0), (0x08, 8), (0x01, 4), (0x09, 12)] {
        let mut frame = 0x184d_2204_u32.to_le_bytes().to_vec();
        frame.extend([INDEPENDENT | flags, 0x40]);
        frame.resize(frame.len() + optional + 1, 0xaa);
        frame.extend([0; 4]);
        assert!(lz4::unpacker(&frame).is_ok(), "{flags:#x}");
        frame.push(0);
        assert!(lz4::unpacker(&frame).is_err(), "{flags:#x}, and a byte behind it");
    }
}

#[test]
fn a_codec_prints_as_kafka_names_it() {
    let names = Compression::ALL.map(|codec| codec.to_string());
    assert_eq!(names, ["none", "gzip", "snappy", "lz4", "zstd"]);
}
