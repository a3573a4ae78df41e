import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Reads a topic from start to end by manual assignment and prints one line per key: key, tab, count, tab, SHA-256
 * over its values in the order of arrival, each preceded by its length (big-endian int32). The same digest as
 * flights/digest.py.
 *
 * <p>Arguments: bootstrap address, topic, seconds at most.
 */
public final class FlightsConsumer {
    private static final class KeyDigest {
        final MessageDigest sha = newSha256();
        long count;

        void add(byte[] value) {
            sha.update(ByteBuffer.allocate(4).putInt(value.length).flip());
            sha.update(value);
            count++;
        }
    }

    public static void main(String[] args) {
        String bootstrap = args[0];
        String topic = args[1];
        long deadline = System.nanoTime() + Duration.ofSeconds(Long.parseLong(args[2])).toNanos();

        Properties config = new Properties();
        config.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap);
        config.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
        config.put(ConsumerConfig.CHECK_CRCS_CONFIG, true);

        Map<String, KeyDigest> keys = new TreeMap<>();
        try (var consumer = new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            List<TopicPartition> partitions = consumer.partitionsFor(topic).stream()
                    .map(info -> new TopicPartition(topic, info.partition()))
                    .toList();
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            while (ends.entrySet().stream().anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
                if (System.nanoTime() > deadline) {
                    System.err.println("not at the end in time: " + ends);
                    System.exit(1);
                }
                for (var record : consumer.poll(Duration.ofMillis(500))) {
                    String key = new String(record.key(), StandardCharsets.UTF_8);
                    keys.computeIfAbsent(key, unused -> new KeyDigest()).add(record.value());
                }
            }
        }
        keys.forEach((key, digest) -> System.out.println(
                key + "\t" + digest.count + "\t" + HexFormat.of().formatHex(digest.sha.digest())));
    }

    private static MessageDigest newSha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (java.security.NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }
}
