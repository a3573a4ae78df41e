use super::*;

fn sizes_of_next_step(outgoing: &Outgoing) -> Vec<usize> {
    outgoing.with_step(&mut Vec::new(), |slices| slices.iter().map(|s| s.len()).collect())
}

#[test]
fn small_slices_share_an_entry_and_large_ones_have_their_own() {
    let large = Bytes::from(vec![7; GATHERED_BYTES_MAX + 1]);
    let small = Bytes::from_static(b"abc");
    let outgoing = Outgoing::new(vec![
        small.clone(),
        small.clone(),
        large,
        small.clone(),
        Bytes::new(),
        small,
    ]);
    assert_eq!(sizes_of_next_step(&outgoing), [6, GATHERED_BYTES_MAX + 1, 6]);
}

#[test]
fn a_step_is_bounded_in_bytes_and_in_entries() {
    let outgoing = Outgoing::new(vec![Bytes::from(vec![1; 3 * STEP_BYTES_MAX])]);
    assert_eq!(sizes_of_next_step(&outgoing), [STEP_BYTES_MAX]);

    let large = Bytes::from(vec![1; GATHERED_BYTES_MAX + 1]);
    let small = Bytes::from_static(b"x");
    let alternating = (0..1000).flat_map(|_| [small.clone(), large.clone()]).collect();
    let sizes = sizes_of_next_step(&Outgoing::new(alternating));
    assert!(sizes.len() <= STEP_SLICES_MAX);
    assert!(sizes.iter().sum::<usize>() <= STEP_BYTES_MAX);
}

#[test]
fn short_sends_of_any_length_lose_and_repeat_nothing() {
    for sent_at_once in [97, 1_000, 4_095, 4_097, 10_000, STEP_BYTES_MAX] {
        let pieces: Vec<Bytes> = [5_000, 1, 2, 9_000, 4_096, 4_097, 3]
            .iter()
            .enumerate()
            .map(|(index, len)| Bytes::from(vec![index as u8; *len]))
            .collect();
        let expected: Vec<u8> = pieces.concat();
        let mut outgoing = Outgoing::new(pieces);
        let (mut got, mut gather) = (Vec::new(), Vec::new());
        while !outgoing.is_empty() {
            let sent = outgoing.with_step(&mut gather, |slices| {
                let step: Vec<u8> = slices.iter().flat_map(|s| s.iter().copied()).collect();
                let sent = sent_at_once.min(step.len());
                got.extend_from_slice(&step[..sent]);
                sent
            });
            outgoing.advance(sent);
        }
        assert_eq!(got, expected, "{sent_at_once} bytes at once");
    }
}
