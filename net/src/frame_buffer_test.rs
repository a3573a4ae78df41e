use super::*;

fn fill(buffer: &mut FrameBuffer, byte: u8, count: usize) {
    let mut left = count;
    while left > 0 {
        let unfilled = buffer.unfilled();
        let part = unfilled.len().min(left);
        assert!(part > 0, "no room in a frame that is not full");
        unfilled[..part].fill(byte);
        buffer.advance(part);
        left -= part;
    }
}

#[test]
fn a_lying_length_costs_no_more_than_a_small_factor_of_what_came() {
    let mut buffer = FrameBuffer::new(100 << 20, b"only these");
    assert_eq!(buffer.unfilled().len(), (64 << 10) - 10);
    assert_eq!(buffer.allocated_bytes(), 64 << 10);
    for received in [100 << 10, 1 << 20, 20 << 20] {
        let more = received - buffer.filled;
        fill(&mut buffer, 1, more);
        buffer.unfilled();
        assert!(buffer.allocated_bytes() <= 2 * received.next_power_of_two());
    }
}

#[test]
fn small_frames_have_exactly_their_size() {
    let mut buffer = FrameBuffer::new(10, b"abc");
    assert_eq!(buffer.unfilled().len(), 7);
    fill(&mut buffer, b'x', 7);
    assert!(buffer.is_full());
    assert_eq!(buffer.allocated_bytes(), 10);
    assert_eq!(buffer.freeze(), &b"abcxxxxxxx"[..]);
}

#[test]
fn a_grown_frame_keeps_its_bytes_and_its_block_is_used_again() {
    let total = 300 << 10;
    for byte in [1, 2] {
        let mut buffer = FrameBuffer::new(total, b"start");
        let grown_at_once = buffer.allocated_bytes() >= total;
        assert_eq!(grown_at_once, byte == 2, "the second finds the first one's block");
        fill(&mut buffer, byte, total - 5);
        assert!(buffer.is_full() && buffer.unfilled().is_empty());
        let bytes = buffer.freeze();
        assert_eq!(bytes.len(), total);
        assert_eq!(&bytes[..5], b"start");
        assert!(bytes[5..].iter().all(|b| *b == byte));
    }
}

#[test]
fn what_is_kept_is_bounded() {
    let frames: Vec<Bytes> = (0..8)
        .map(|_| {
            let mut buffer = FrameBuffer::new(12 << 20, &[]);
            fill(&mut buffer, 0, 12 << 20);
            buffer.freeze()
        })
        .collect();
    drop(frames);
    KEPT.with_borrow(|kept| assert!(kept.bytes <= KEPT_BYTES_MAX && kept.bytes > 0));
}
