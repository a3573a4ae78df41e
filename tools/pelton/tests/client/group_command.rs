//! `pelton group`.

use std::collections::BTreeMap;
use std::process::{Command, Output, Stdio};

use pelton_client::{Admin, TopicPartition};
use pelton_model::Offset;

use crate::broker::{TestBroker, unique};
use crate::consume::fill;
use crate::members::SOON;

async fn group(broker: &TestBroker, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pelton"));
    command.arg("group").args(arguments).args(["-b", &broker.bootstrap]).stdin(Stdio::null());
    let running = tokio::task::spawn_blocking(move || command.output().unwrap());
    tokio::time::timeout(SOON, running).await.expect("in time").unwrap()
}

#[tokio::test]
async fn what_cannot_be_moved_or_forgotten_is_named_and_nothing_is_done() {
    let broker = TestBroker::get().await;
    let (topic, name) = (broker.topic_with(2, &[("retention.ms", "-1")]).await, unique("group"));
    fill(&broker, &topic, 2, 0..20).await;
    let admin = Admin::new(broker.connect().await);
    let of = TopicPartition::new(&topic, 0);
    let committed = BTreeMap::from([(of.clone(), Offset::new(7).into())]);
    admin.alter_group_offsets(&name, &committed).await.unwrap();

    let (second, third) = (format!("{topic}:1"), format!("{topic}:2"));
    let (first_and_third, stranger) = (format!("{topic}:0,2"), unique("group"));
    for (arguments, reason) in [
        (&["seek", &stranger, "--to", "beginning"][..], "nothing that could be moved"),
        (&["seek", &name, "--topic", &third, "--to", "end"], &*format!("there is no {third}")),
        (&["seek", &name, "-t", &first_and_third, "--to", "end"], &format!("there is no {third}")),
        (&["seek", &name, "--topic", &second, "--shift", "1"], &format!("nothing for {second}")),
        (&["seek", &stranger, "-t", &topic, "--shift", "1"], &format!("nothing for {topic}")),
        (&["offsets", &name, "--forget", &second], &format!("nothing for {second}")),
        (&["offsets", &stranger, "--forget", &topic], &format!("nothing for {topic}")),
    ] {
        for arguments in [arguments, &[arguments, &["--execute"]].concat()] {
            let output = group(&broker, arguments).await;
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
            assert!(said.contains(reason), "{arguments:?}: {said}");
        }
    }
    assert_eq!(admin.group_offsets(&name).await.unwrap(), committed);

    // Of a whole topic, what is committed is shifted.
    let output = group(&broker, &["seek", &name, "-t", &topic, "--shift", "-2", "--execute"]).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(admin.group_offsets(&name).await.unwrap()[&of].offset.get(), 5);
    let output = group(&broker, &["offsets", &name, "--forget", &topic, "--execute"]).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(admin.group_offsets(&name).await.unwrap().is_empty());
}
