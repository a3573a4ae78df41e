//! From the shards' figures to the series that dashboards read.

use std::collections::BTreeMap;
use std::time::Duration;

use pelton_model::TimestampMs;
use pelton_model::histogram::Histogram;
use pelton_storage::FenceReason;
use pelton_storage::disk::{FileClass, IoTimes};

use super::exposition::Exposition;
use super::groups::{Ages, groups};
use super::requests::requests;
use crate::metrics::{Pauses, ShardFigures, TopicTraffic};

/// The one listener, as Kafka calls it by default.
const LISTENER: &str = "PLAINTEXT";

/// What runs, since when.
#[derive(Clone, Debug)]
pub struct BuildInfo {
    pub version: String,
    /// The commit that it was built from, or that this is not known.
    pub commit: String,
    /// When the process started.
    pub started: TimestampMs,
}

/// The answer to a scrape. Figures are summed over the shards, but for those about a core, which
/// have the label `shard`.
pub fn render(shards: &[ShardFigures], ages: &Ages, info: &BuildInfo) -> String {
    let mut text = Exposition::default();
    process(&mut text, info);
    recovery(&mut text, 0);
    text.gauge(
        "pelton_recovery_duration_seconds",
        "What the start took to open the storage, journals read back: the slowest shard.",
    )
    .sample(&[], shards.iter().map(|it| it.recovery_time).max().unwrap_or_default().as_secs_f64());
    cluster(&mut text, shards);
    requests(&mut text, shards);
    traffic(&mut text, shards);
    clients(&mut text, shards);
    groups(&mut text, shards, ages);
    memory(&mut text, shards);
    cores(&mut text, shards);
    logs(&mut text, shards);
    compaction(&mut text, shards);
    journals(&mut text, shards);
    disk(&mut text, shards);
    canary(&mut text, shards);
    text.into_text()
}

/// The same of a broker that is still starting.
pub fn render_start(partitions_remaining: usize, info: &BuildInfo) -> String {
    let mut text = Exposition::default();
    process(&mut text, info);
    recovery(&mut text, partitions_remaining);
    text.into_text()
}

fn recovery(text: &mut Exposition, partitions_remaining: usize) {
    text.gauge(
        "pelton_recovery_partitions_remaining",
        "Partitions that a start has still to replay something of; 0 once it is over.",
    )
    .sample(&[], partitions_remaining);
}

/// Only where canaries are sent.
fn canary(text: &mut Exposition, shards: &[ShardFigures]) {
    let Some(canary) = shards.iter().find_map(|shard| shard.canary) else { return };
    text.histogram(
        "pelton_canary_roundtrip_seconds",
        "From the making of a record of the broker's own until it was on stable storage and had been \
         read back: one a second through each core, without sockets and clients.",
    )
    .latencies(&[], &canary.roundtrips);
    text.counter(
        "pelton_canaries_lost_total",
        "Such records that were refused, or not found where they were acknowledged.",
    )
    .sample(&[], canary.lost);
}

fn process(text: &mut Exposition, info: &BuildInfo) {
    text.gauge("pelton_build_info", "Always 1; the labels say what runs.")
        .sample(&[("version", &info.version), ("commit", &info.commit)], 1);
    text.gauge("pelton_start_time_seconds", "When the process started, in Unix time.")
        .sample(&[], info.started.get() as f64 / 1000.0);
}

fn traffic(text: &mut Exposition, shards: &[ShardFigures]) {
    let mut topics: BTreeMap<&str, TopicTraffic> = BTreeMap::new();
    for (topic, traffic) in shards.iter().flat_map(|shard| &shard.topics) {
        let all = topics.entry(topic).or_default();
        all.bytes_received += traffic.bytes_received;
        all.bytes_sent += traffic.bytes_sent;
        all.records_produced += traffic.records_produced;
        all.records_fetched += traffic.records_fetched;
    }
    let mut family =
        text.counter("pelton_bytes_received_total", "Bytes of batches that producers sent.");
    for (topic, traffic) in &topics {
        family.sample(&[("topic", topic)], traffic.bytes_received);
    }
    let mut family =
        text.counter("pelton_bytes_sent_total", "Bytes of batches that consumers were sent.");
    for (topic, traffic) in &topics {
        family.sample(&[("topic", topic)], traffic.bytes_sent);
    }
    let mut family = text.counter("pelton_records_produced_total", "Records that producers sent.");
    for (topic, traffic) in &topics {
        family.sample(&[("topic", topic)], traffic.records_produced);
    }
    let mut family = text.counter(
        "pelton_records_fetched_total",
        "Records of the batches that consumers were sent. A batch is sent whole, so those before \
         the offset that was asked for, which clients skip, are counted too.",
    );
    for (topic, traffic) in &topics {
        family.sample(&[("topic", topic)], traffic.records_fetched);
    }
    text.histogram("pelton_batch_size_bytes", "Batches as producers sent them.")
        .amounts(&[], &merged(shards, |shard| &shard.batch_sizes));
    let mut rejected: BTreeMap<&str, u64> = BTreeMap::new();
    for (reason, count) in shards.iter().flat_map(|shard| &shard.batches_rejected) {
        *rejected.entry(reason).or_default() += count;
    }
    let mut family = text.counter("pelton_batches_rejected_total", "Batches refused, and why.");
    for (reason, count) in &rejected {
        family.sample(&[("reason", reason)], count);
    }
    let mut recompressed: BTreeMap<&str, u64> = BTreeMap::new();
    for (codec, count) in shards.iter().flat_map(|shard| &shard.batches_recompressed) {
        *recompressed.entry(codec).or_default() += count;
    }
    let mut family = text.counter(
        "pelton_batches_recompressed_total",
        "Batches that were compressed anew, as their topics want, with which codec.",
    );
    for (codec, count) in &recompressed {
        family.sample(&[("to", codec)], count);
    }
    let took: Duration = shards.iter().map(|shard| shard.recompress_time).sum();
    text.counter(
        "pelton_recompress_duration_seconds_total",
        "Time that cores spent on unpacking batches of producers and compressing them anew.",
    )
    .sample(&[], took.as_secs_f64());
    let mut family = text.counter("pelton_read_bytes_total", "Bytes of batches read, from where.");
    family.sample(&[("from", "cache")], sum(shards, |shard| shard.read_bytes_cache));
    family.sample(&[("from", "disk")], sum(shards, |shard| shard.read_bytes_disk));
}

fn clients(text: &mut Exposition, shards: &[ShardFigures]) {
    text.gauge("pelton_connections", "Open connections of Kafka's clients.")
        .sample(&[("listener", LISTENER)], sum(shards, |shard| shard.connections));
    text.counter("pelton_connections_opened_total", "Connections accepted.")
        .sample(&[("listener", LISTENER)], sum(shards, |shard| shard.connections_opened));
    let mut family = text.counter("pelton_connections_refused_total", "Connections not accepted.");
    for cluster in shards.iter().filter_map(|shard| shard.cluster) {
        family.sample(&[("reason", "max.connections")], cluster.connections_refused);
        let by_ip = cluster.connections_refused_by_ip;
        family.sample(&[("reason", "max.connections.per.ip")], by_ip);
    }
    let (mut budget, mut mailbox) = (Pauses::default(), Pauses::default());
    for shard in shards {
        budget.add(shard.paused_for_budget);
        mailbox.add(shard.paused_for_mailbox);
    }
    let mut family = text.gauge(
        "pelton_connections_paused",
        "Connections not read from: for want of memory, or of room at another shard.",
    );
    for (reason, pauses) in [("budget", budget), ("mailbox", mailbox)] {
        family.sample(&[("reason", reason)], pauses.now);
    }
    let mut family =
        text.counter("pelton_connection_pauses_total", "How often a connection was not read from.");
    for (reason, pauses) in [("budget", budget), ("mailbox", mailbox)] {
        family.sample(&[("reason", reason)], pauses.ever);
    }
    let mut kinds: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for ((software, version), count) in shards.iter().flat_map(|shard| &shard.clients) {
        *kinds.entry((software, version)).or_default() += count;
    }
    let mut family =
        text.gauge("pelton_clients", "Open connections by what the clients say they are.");
    for ((software, version), count) in &kinds {
        family.sample(&[("software", software), ("version", version)], count);
    }
    text.gauge("pelton_fetch_sessions", "Incremental fetch sessions (KIP-227) that are kept.")
        .sample(&[], sum(shards, |shard| shard.fetch_sessions));
    text.counter("pelton_fetch_session_evictions_total", "Fetch sessions that gave way to others.")
        .sample(&[], sum(shards, |shard| shard.fetch_session_evictions));
}

fn memory(text: &mut Exposition, shards: &[ShardFigures]) {
    let mut family = text.gauge(
        "pelton_memory_used_bytes",
        "Memory held: requests (frames), records on their way to clients (answers), batches not yet \
         in segments (tails), or kept (cache); and an estimate, without names and what an allocator \
         adds, of what is known about partitions, producers, indexes, groups and fetch sessions \
         (state).",
    );
    for shard in shards {
        let id = shard.shard.to_string();
        for (purpose, bytes) in [
            ("frames", shard.frames_bytes),
            ("answers", shard.answers_bytes),
            ("tails", shard.uncarried_bytes),
            ("cache", shard.cached_bytes),
            ("state", shard.state_bytes),
        ] {
            family.sample(&[("shard", &id), ("for", purpose)], bytes);
        }
    }
    let mut family = text.gauge("pelton_memory_budget_bytes", "Memory that may be held.");
    for shard in shards {
        let id = shard.shard.to_string();
        family.sample(&[("shard", &id), ("for", "frames")], shard.frames_budget_bytes);
        family.sample(&[("shard", &id), ("for", "answers")], shard.answers_budget_bytes);
    }
}

fn cluster(text: &mut Exposition, shards: &[ShardFigures]) {
    let mut family = text.gauge("pelton_controller_active", "1 on the broker that is controller.");
    let known = shards.iter().find_map(|shard| shard.cluster);
    // Without shard 0's figures there is nothing to say, and a zero would be an alarm.
    let Some(known) = known else { return };
    family.sample(&[], 1);
    text.gauge("pelton_cluster_brokers", "Brokers of the cluster.")
        .sample(&[("state", "active")], known.brokers);
    text.gauge("pelton_cluster_topics", "Topics of the cluster.").sample(&[], known.topics);
    text.gauge("pelton_cluster_revision", "The entry of the cluster log that is in force.")
        .sample(&[], known.revision);
}

fn cores(text: &mut Exposition, shards: &[ShardFigures]) {
    let mut family =
        text.counter("pelton_shard_busy_seconds_total", "Time that a core spent on tasks.");
    for shard in shards {
        let tasks = &shard.tasks;
        let busy = tasks.foreground + tasks.catch_up + tasks.background;
        family.sample(&[("shard", &shard.shard.to_string())], busy.as_secs_f64());
    }
    let mut family = text.counter(
        "pelton_shard_queue_seconds_total",
        "Time that a core spent on tasks, by the queue that they stand in.",
    );
    for shard in shards {
        let id = shard.shard.to_string();
        for (queue, time) in [
            ("foreground", shard.tasks.foreground),
            ("catch_up", shard.tasks.catch_up),
            ("background", shard.tasks.background),
        ] {
            family.sample(&[("shard", &id), ("queue", queue)], time.as_secs_f64());
        }
    }
    text.histogram(
        "pelton_shard_stall_seconds",
        "For how long tasks held a core before they yielded; nothing else ran on it meanwhile.",
    )
    .latencies(&[], &merged(shards, |shard| &shard.tasks.steps));
}

fn logs(text: &mut Exposition, shards: &[ShardFigures]) {
    let mut family =
        text.gauge("pelton_partitions", "Partitions of this broker, by its role in them.");
    for shard in shards {
        let labels = [("shard", &*shard.shard.to_string()), ("role", "leader")];
        family.sample(&labels, shard.partitions);
    }
    replicas(text, shards);
    let mut topics: BTreeMap<&str, u64> = BTreeMap::new();
    for (topic, bytes) in shards.iter().flat_map(|shard| &shard.topic_bytes) {
        *topics.entry(topic).or_default() += bytes;
    }
    let mut family = text.gauge("pelton_topic_size_bytes", "Bytes of a topic's logs.");
    for (topic, bytes) in &topics {
        family.sample(&[("topic", topic), ("tier", "local")], bytes);
    }
    text.gauge("pelton_producer_ids", "Producers whose sequences are remembered, by partition.")
        .sample(&[], sum(shards, |shard| shard.producer_ids));
}

/// A partition's one replica is here. It is in sync as long as its storage is served, and then the
/// set is exactly as large as it has to be: `min.insync.replicas` asks for no more replicas than
/// there are, as in Kafka.
fn replicas(text: &mut Exposition, shards: &[ShardFigures]) {
    let offline = sum(shards, |shard| shard.partitions_offline);
    let partitions = sum(shards, |shard| shard.partitions);
    text.gauge(
        "pelton_cluster_partitions_offline",
        "Partitions that nobody leads: storage that failed is fenced until a restart.",
    )
    .sample(&[], offline);
    text.gauge("pelton_partitions_under_replicated", "Partitions that lack a replica in sync.")
        .sample(&[], 0);
    text.gauge(
        "pelton_partitions_under_min_isr",
        "Partitions that are led, with fewer replicas in sync than min.insync.replicas.",
    )
    .sample(&[], 0);
    text.gauge(
        "pelton_partitions_at_min_isr",
        "Partitions that are led, and would not take records with one replica less.",
    )
    .sample(&[], partitions.saturating_sub(offline));
}

fn compaction(text: &mut Exposition, shards: &[ShardFigures]) {
    let all = || shards.iter().map(|shard| &shard.compaction);
    let mut topics: BTreeMap<&str, f64> = BTreeMap::new();
    for (topic, ratio) in all().flat_map(|figures| &figures.dirty_ratios) {
        let worst = topics.entry(topic).or_default();
        *worst = worst.max(*ratio);
    }
    let mut family = text.gauge(
        "pelton_compaction_dirty_ratio",
        "Share of a compacted log that compaction has not been over: the topic's worst partition.",
    );
    for (topic, ratio) in &topics {
        family.sample(&[("topic", topic)], ratio);
    }
    text.gauge(
        "pelton_compaction_failed_partitions",
        "Partitions whose logs could not be compacted and are left alone until a restart.",
    )
    .sample(&[], sum(shards, |shard| shard.compaction.failed_partitions));
    let mut family = text.gauge(
        "pelton_compaction_last_success_seconds",
        "When a shard last had compacted all that was due, in Unix time: the shard's that is \
         furthest behind.",
    );
    if let Some(last) = all().filter_map(|figures| figures.last_success).min() {
        family.sample(&[], last.get() as f64 / 1000.0);
    }
    text.counter("pelton_compaction_bytes_total", "Bytes that compaction has read and written.")
        .sample(&[], sum(shards, |shard| shard.compaction.moved_bytes));
    text.counter("pelton_compaction_written_bytes_total", "Bytes of segments written anew.")
        .sample(&[], sum(shards, |shard| shard.compaction.written_bytes));
    text.counter("pelton_compaction_removed_records_total", "Records that compaction has removed.")
        .sample(&[], sum(shards, |shard| shard.compaction.removed_records));
}

fn journals(text: &mut Exposition, shards: &[ShardFigures]) {
    text.histogram("pelton_journal_group_batches", "Entries that shared one durable write.")
        .amounts(&[], &merged(shards, |shard| &shard.journal.group_entries));
    text.histogram("pelton_journal_group_bytes", "Bytes of one durable write, padding included.")
        .amounts(&[], &merged(shards, |shard| &shard.journal.group_bytes));
    let mut family = text.gauge("pelton_journal_used_ratio", "How full a journal is, 0 to 1.");
    for shard in shards {
        family.sample(&[("shard", &shard.shard.to_string())], shard.journal_used_ratio);
    }
    let mut family = text.gauge(
        "pelton_journal_checkpoint_lag_bytes",
        "Bytes of the journal's files that no checkpoint has freed: what a start would read back.",
    );
    for shard in shards {
        family.sample(&[("shard", &shard.shard.to_string())], shard.journal_live_bytes);
    }
    let mut family = text.gauge(
        "pelton_storage_fenced",
        "1 for what made a shard write no more until a restart: a write or sync of the journal or \
         the state file that failed, a fenced partition that fills the journal, or a stop that \
         could not carry everything.",
    );
    for shard in shards {
        let id = shard.shard.to_string();
        for reason in FenceReason::ALL {
            let labels = [("dir", &*shard.dir), ("shard", &id), ("reason", reason.name())];
            family.sample(&labels, u8::from(shard.fenced == Some(reason)));
        }
    }
}

fn disk(text: &mut Exposition, shards: &[ShardFigures]) {
    let mut io = IoTimes::default();
    for shard in shards {
        io.merge(&shard.io);
    }
    let mut family = text.histogram(
        "pelton_disk_io_duration_seconds",
        "One read or write of a file; writes to the journal end on stable storage.",
    );
    for class in FileClass::ALL {
        for (op, times) in [("read", &io.class(class).reads), ("write", &io.class(class).writes)] {
            family.latencies(&[("op", op), ("class", class.name())], times);
        }
    }
    let mut family = text.histogram("pelton_disk_sync_duration_seconds", "One sync of a file.");
    for class in FileClass::ALL {
        family.latencies(&[("file", class.name())], &io.class(class).syncs);
    }
    let mut family = text.counter("pelton_disk_written_bytes_total", "Bytes written to files.");
    for class in FileClass::ALL {
        family.sample(&[("class", class.name())], io.class(class).bytes_written);
    }
    let mut family = text.counter("pelton_disk_read_bytes_total", "Bytes read from files.");
    for class in FileClass::ALL {
        family.sample(&[("class", class.name())], io.class(class).bytes_read);
    }
    let mut family = text.counter(
        "pelton_storage_corruptions_total",
        "Bytes that were not what had been written, found before they were served.",
    );
    let count = |of: fn(&ShardFigures) -> u64| shards.iter().map(of).sum::<u64>();
    family.sample(&[("where", "segment")], count(|shard| shard.corruptions.segment));
    family.sample(&[("where", "index")], count(|shard| shard.corruptions.index));
    text.gauge("pelton_storage_full", "1 while produce is refused for want of disk space.")
        .sample(&[], u8::from(shards.iter().any(|shard| shard.disk_full)));

    // All shards use one disk and look at different times. Before the first look there is
    // nothing to say: a zero would be an alarm.
    let disk = shards
        .iter()
        .filter(|shard| shard.disk_total_bytes > 0)
        .min_by_key(|shard| shard.disk_free_bytes);
    let mut family = text.gauge("pelton_storage_disk_free_bytes", "Free bytes of the data disk.");
    if let Some(shard) = disk {
        family.sample(&[("dir", &shard.dir)], shard.disk_free_bytes);
    }
    let mut family = text.gauge("pelton_storage_disk_total_bytes", "Size of the data disk.");
    if let Some(shard) = disk {
        family.sample(&[("dir", &shard.dir)], shard.disk_total_bytes);
    }
}

fn merged<'a, const FIRST: u64>(
    shards: &'a [ShardFigures],
    figure: impl Fn(&'a ShardFigures) -> &'a Histogram<FIRST>,
) -> Histogram<FIRST> {
    let mut all = Histogram::EMPTY;
    for shard in shards {
        all.merge(figure(shard));
    }
    all
}

fn sum(shards: &[ShardFigures], figure: impl Fn(&ShardFigures) -> u64) -> u64 {
    shards.iter().map(figure).sum()
}

#[cfg(test)]
#[path = "render_test.rs"]
mod render_test;
