import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.SubscriptionPattern;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Members of consumer groups. Each writes {@code partition offset} for every record to its file and commits what it has
 * written, until SIGTERM.
 *
 * <p>Arguments: bootstrap address, topic, then {@code group:assignor class:instance id or nothing:file} for each member;
 * in place of the assignor {@code consumer} for the consumer protocol (KIP-848). A topic that begins with ^ is a regular
 * expression.
 */
public final class GroupConsumers {
    private static final String CONSUMER_PROTOCOL = "consumer";

    public static void main(String[] args) throws Exception {
        List<KafkaConsumer<byte[], byte[]>> consumers = new ArrayList<>();
        List<Thread> threads = new ArrayList<>();
        for (int at = 2; at < args.length; at++) {
            String[] member = args[at].split(":", 4);
            Properties config = new Properties();
            config.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, args[0]);
            config.put(ConsumerConfig.GROUP_ID_CONFIG, member[0]);
            if (member[1].equals(CONSUMER_PROTOCOL)) {
                // Timeouts and assignors are the broker's then.
                config.put(ConsumerConfig.GROUP_PROTOCOL_CONFIG, CONSUMER_PROTOCOL);
            } else {
                config.put(ConsumerConfig.PARTITION_ASSIGNMENT_STRATEGY_CONFIG, member[1]);
                config.put(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG, 6000);
                config.put(ConsumerConfig.HEARTBEAT_INTERVAL_MS_CONFIG, 1000);
            }
            if (!member[2].isEmpty()) {
                config.put(ConsumerConfig.GROUP_INSTANCE_ID_CONFIG, member[2]);
            }
            config.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
            config.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
            var consumer = new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
            var thread = new Thread(() -> consume(consumer, args[1], Path.of(member[3])));
            consumers.add(consumer);
            threads.add(thread);
            thread.start();
        }
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            consumers.forEach(KafkaConsumer::wakeup);
            for (Thread thread : threads) {
                try {
                    thread.join();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }
        }));
        for (Thread thread : threads) {
            thread.join();
        }
    }

    private static void consume(KafkaConsumer<byte[], byte[]> consumer, String topic, Path file) {
        try (var out = new PrintWriter(
                Files.newBufferedWriter(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND))) {
            if (topic.startsWith("^")) {
                consumer.subscribe(new SubscriptionPattern(topic.substring(1)));
            } else {
                consumer.subscribe(List.of(topic));
            }
            while (true) {
                var records = consumer.poll(Duration.ofMillis(200));
                records.forEach(record -> out.println(record.partition() + " " + record.offset()));
                out.flush();
                if (!records.isEmpty()) {
                    commit(consumer);
                }
            }
        } catch (WakeupException end) {
            // Asked to end.
        } catch (java.io.IOException error) {
            throw new java.io.UncheckedIOException(error);
        } finally {
            consumer.close();
        }
    }

    /** What is not committed comes again, to this member or another: that is what at least once means. */
    private static void commit(KafkaConsumer<byte[], byte[]> consumer) {
        try {
            consumer.commitSync(Duration.ofSeconds(3));
        } catch (CommitFailedException | RebalanceInProgressException | TimeoutException later) {
            System.err.println("not committed: " + later.getMessage());
        }
    }
}
