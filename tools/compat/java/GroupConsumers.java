import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.SubscriptionPattern;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Members of consumer groups. Each writes {@code partition offset} for every record to its file and commits what it has
 * written, until SIGTERM.
 *
 * <p>A member whose client falls over its own race opens a new one, as a supervisor would start it again.
 *
 * <p>Arguments: bootstrap address, topic, then {@code group:assignor class:instance id or nothing:file} for each member;
 * in place of the assignor {@code consumer} for the consumer protocol (KIP-848). A topic that begins with ^ is a regular
 * expression.
 */
public final class GroupConsumers {
    private static final String CONSUMER_PROTOCOL = "consumer";

    public static void main(String[] args) throws Exception {
        List<Member> members = new ArrayList<>();
        for (int at = 2; at < args.length; at++) {
            members.add(new Member(args[0], args[1], args[at].split(":", 4)));
        }
        members.forEach(Thread::start);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> members.forEach(Member::end)));
        for (Member member : members) {
            member.join();
        }
    }

    private static final class Member extends Thread {
        private final Properties config;
        private final String topic;
        private final Path file;
        private KafkaConsumer<byte[], byte[]> consumer;
        private boolean isEnding;

        Member(String bootstrap, String topic, String[] member) {
            this.config = config(bootstrap, member[0], member[1], member[2]);
            this.topic = topic;
            this.file = Path.of(member[3]);
        }

        @Override
        public void run() {
            while (isOpened()) {
                try {
                    consume();
                } catch (WakeupException end) {
                    // Asked to end.
                } catch (IllegalStateException race) {
                    // The consumer protocol's client looks whether a partition is assigned and then asks for its
                    // position, while its other thread may take the assignment away. Records that the same poll held
                    // are lost with their positions advanced, so that only a new client reads them.
                    if (!String.valueOf(race.getMessage()).startsWith("No current assignment for partition")) {
                        throw race;
                    }
                    System.err.println("begun anew: " + race);
                } catch (java.io.IOException error) {
                    throw new java.io.UncheckedIOException(error);
                } finally {
                    consumer.close();
                }
            }
        }

        /** False when it has been asked to end. */
        private synchronized boolean isOpened() {
            if (!isEnding) {
                consumer = new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
            }
            return !isEnding;
        }

        /** Returns when it has left its group. */
        void end() {
            synchronized (this) {
                isEnding = true;
                if (consumer != null) {
                    consumer.wakeup();
                }
            }
            try {
                join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        private void consume() throws java.io.IOException {
            try (var out = new PrintWriter(
                    Files.newBufferedWriter(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND))) {
                if (topic.startsWith("^")) {
                    consumer.subscribe(new SubscriptionPattern(topic.substring(1)), new Waited());
                } else {
                    consumer.subscribe(List.of(topic), new Waited());
                }
                while (true) {
                    var records = consumer.poll(Duration.ofMillis(200));
                    records.forEach(record -> out.println(record.partition() + " " + record.offset()));
                    out.flush();
                    if (!records.isEmpty()) {
                        commit();
                    }
                }
            }
        }

        /** What is not committed comes again, to this member or another: that is what at least once means. */
        private void commit() {
            try {
                consumer.commitSync(Duration.ofSeconds(3));
            } catch (CommitFailedException | RebalanceInProgressException | TimeoutException later) {
                System.err.println("not committed: " + later.getMessage());
            }
        }
    }

    /**
     * Does nothing, and is waited for: a client that was fenced joins again only when its caller polls.
     *
     * <p>Without a listener it joins at once, and a commitSync() that was begun before and is tried again goes out under
     * the new epoch. Every broker accepts that, and the group's offsets go back to what the member had read before it
     * was fenced.
     */
    private static final class Waited implements ConsumerRebalanceListener {
        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> partitions) {}

        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> partitions) {}
    }

    private static Properties config(String bootstrap, String group, String protocol, String instance) {
        Properties config = new Properties();
        config.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap);
        config.put(ConsumerConfig.GROUP_ID_CONFIG, group);
        if (protocol.equals(CONSUMER_PROTOCOL)) {
            // Timeouts and assignors are the broker's then.
            config.put(ConsumerConfig.GROUP_PROTOCOL_CONFIG, CONSUMER_PROTOCOL);
        } else {
            config.put(ConsumerConfig.PARTITION_ASSIGNMENT_STRATEGY_CONFIG, protocol);
            config.put(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG, 6000);
            config.put(ConsumerConfig.HEARTBEAT_INTERVAL_MS_CONFIG, 1000);
        }
        if (!instance.isEmpty()) {
            config.put(ConsumerConfig.GROUP_INSTANCE_ID_CONFIG, instance);
        }
        config.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
        config.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        return config;
    }
}
