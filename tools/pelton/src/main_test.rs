use clap::CommandFactory;

use super::*;

/// What a shell makes of the part of an example that calls pelton. A file name with a star becomes
/// two; what begins behind two spaces explains the example.
fn words(example: &str) -> Vec<String> {
    let example = example.trim_start().replace("$(pidof pelton)", "1");
    let call = example.split("| pelton").last().expect("at least one part");
    let call = call.strip_prefix("pelton").unwrap_or(call);
    let mut words = vec!["pelton".to_owned()];
    let (mut word, mut is_quoted, mut spaces) = (String::new(), false, 0);
    for character in call.chars().chain([' ']) {
        spaces = if character == ' ' { spaces + 1 } else { 0 };
        match character {
            '\'' => is_quoted = !is_quoted,
            '|' if !is_quoted => break,
            ' ' if spaces == 2 && !is_quoted => break,
            ' ' if !is_quoted => match std::mem::take(&mut word) {
                empty if empty.is_empty() => {}
                pattern if pattern.contains('*') => {
                    words.extend(["a", "b"].map(|name| pattern.replace('*', name)));
                }
                word => words.push(word),
            },
            other => word.push(other),
        }
    }
    words
}

fn examples(command: &clap::Command) -> Vec<String> {
    let help = command.get_long_about().map(ToString::to_string).unwrap_or_default();
    let own = help.lines().filter(|line| line.starts_with("    ") && line.contains("pelton "));
    let own: Vec<String> = own.map(str::to_owned).collect();
    own.into_iter().chain(command.get_subcommands().flat_map(examples)).collect()
}

#[test]
fn every_example_of_the_help_is_a_command() {
    let examples = examples(&Cli::command());
    assert!(examples.len() > 40, "{examples:?}");
    for example in examples {
        if let Err(error) = Cli::try_parse_from(words(&example)) {
            panic!("{example}: {error}");
        }
    }
}

#[test]
fn examples_are_read_as_a_shell_reads_them() {
    let read = |example: &str| words(example)[1..].join("/");
    assert_eq!(read("    echo a | pelton produce t -K :"), "produce/t/-K/:");
    assert_eq!(read("    pelton consume t -K ' => '   with keys"), "consume/t/-K/ => ");
    assert_eq!(read("    pelton topic list | jq -r '.[]'"), "topic/list");
    assert_eq!(read("    pelton log dump x/*/0.log"), "log/dump/x/a/0.log/x/b/0.log");
}
