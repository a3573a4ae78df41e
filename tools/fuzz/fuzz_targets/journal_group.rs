#![no_main]

use pelton_fuzz_targets::allocation::Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let target = pelton_fuzz_targets::find("journal_group").expect("a target");
    pelton_fuzz_targets::run(target, input);
});
