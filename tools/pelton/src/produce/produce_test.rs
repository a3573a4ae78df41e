use clap::Parser;

use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: ProduceArgs,
}

fn options(line: &[&str]) -> ProducerOptions {
    let line = Line::try_parse_from([&["produce", "topic"], line].concat()).unwrap();
    producer_options(&line.args).unwrap()
}

#[test]
fn retry_for_bounds_every_wait() {
    let (second, minute) = (Duration::from_secs(1), Duration::from_secs(60));
    let waits = |line: &[&str]| {
        let options = options(line);
        (options.block_max, options.delivery_timeout)
    };
    assert_eq!(waits(&[]), (minute, 2 * minute));
    assert_eq!(waits(&["--retry-for", "3"]), (3 * second, 3 * second + options(&[]).linger));
    assert_eq!(waits(&["--retry-for", "3", "--linger-ms", "60000"]), (3 * second, 63 * second));
    assert_eq!(waits(&["--retry-for", "0", "--linger-ms", "0"]), (second, second));
}
